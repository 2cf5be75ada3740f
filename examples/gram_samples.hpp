// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <sst/activation/registry.hpp>
#include <sst/error.hpp>
#include <sst/images/npy_images.hpp>
#include <sst/io/store/tile_store.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/topology/json.hpp>

#include "gram_options.hpp"
#include "image_data.hpp"
#include "matrix_files.hpp"
#include "sample_hashes.hpp"

/// \file
/// The kernel matrix that gram_store computes: its samples and its network.

namespace gram {

/// The samples of the columns, and of the rows where they are others.
struct Samples {
  Eigen::MatrixXd columns;
  std::optional<Eigen::MatrixXd> rows;
  std::optional<sst::ImageShape> shape;  ///< of images

  std::string hash() const {
    return program::hash_samples(shape ? to_string(*shape) : "", columns, rows ? &*rows : nullptr);
  }
  Eigen::Index row_count() const { return (rows ? *rows : columns).rows(); }
};

/// Images of a data set; labels are nobody's business here.
inline Samples read_images(const FillOptions& o) {
  Options images = o.images;
  const bool test = o.part == "test";
  if (images.data == "npy" && test && images.test_path.empty())
    throw sst::DataError(
        "--part test has no images (--data npy without --test); give the file of the new ones");
  if (images.data == "digits" && test)
    throw sst::DataError("--part test has no images (the digits are not divided); give another --data");
  Experiment e;
  if (images.data == "npy") {
    e.train = sst::read_npy_images(images.path, images.train_limit(), layout(images));
    if (test) e.test = sst::read_npy_images(images.test_path, images.test_limit(), layout(images));
  } else {
    if (!test) images.folds = 1;  // no images to test on are read
    e = load(images);
  }
  e = prepare(std::move(e), images);
  if (test && !(e.test.shape == e.train.shape))
    throw sst::DataError("the images to train on are " + sst::to_string(e.train.shape) +
                         " and those to test on " + sst::to_string(e.test.shape) + "; give one shape");
  Samples out{std::move(e.train.pixels), {}, e.train.shape};
  if (test) out.rows = std::move(e.test.pixels);
  return out;
}

inline Samples read_rows(const FillOptions& o) {
  Samples out{program::read_matrix(o.columns.empty() ? o.rows : o.columns, o.table), {}, {}};
  if (!o.columns.empty()) {
    out.rows = program::read_matrix(o.rows, o.table);
    if (out.rows->cols() != out.columns.cols())
      throw sst::DataError("'" + o.rows + "' has " + std::to_string(out.rows->cols()) + " columns and '" +
                           o.columns + "' has " + std::to_string(out.columns.cols()) +
                           "; give samples of the same features");
  }
  if (o.shape.empty()) return out;
  const auto size = [&](std::size_t k) { return static_cast<std::size_t>(o.shape[k]); };
  out.shape = sst::ImageShape{size(0), size(1), size(2)};
  if (static_cast<std::size_t>(out.columns.cols()) != out.shape->size())
    throw sst::DataError("'" + o.rows + "' has " + std::to_string(out.columns.cols()) +
                         " columns and images of " + to_string(*out.shape) + " have " +
                         std::to_string(out.shape->size()) + " numbers; give --shape as H,W,C");
  return out;
}

inline Samples read_samples(const FillOptions& o) { return o.given_images ? read_images(o) : read_rows(o); }

inline sst::Topology network(const FillOptions& o) {
  if (!o.topology.empty()) return sst::read_topology(o.topology);
  if (o.given_images || !o.shape.empty())
    return make_topology(o.family, o.depth, o.pool, o.weight_std, o.bias_std,
                         0);  // other wirings: --topology
  sst::FamilyOptions layer;
  layer.weight_std = o.weight_std;
  layer.bias_std = o.bias_std;
  layer.activation = sst::parse_activation(o.activation);
  return row_families.at(o.family)(o.depth, layer);
}

/// What the store of these samples holds.
inline sst::TileStoreHeader header(const FillOptions& o, const Samples& samples,
                                   const sst::Topology& topology) {
  return {.rows = samples.row_count(),
          .columns = samples.columns.rows(),
          .symmetry = samples.rows ? sst::TileSymmetry::general : sst::TileSymmetry::symmetric,
          .tile = o.tile,
          .data = samples.hash(),
          .topology = sst::to_json(topology).dump(),
          .kernel = o.kernel,
          .arithmetic = o.precision};
}

/// What computes any rectangle of the matrix.
template <class Scalar>
std::shared_ptr<const sst::KernelTiles<Scalar>> kernel_tiles(const FillOptions& o, const Samples& samples,
                                                             const sst::Topology& topology) {
  const sst::KernelFunction kernel = sst::network_kernel(
      {topology, o.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp, samples.shape});
  const sst::DataRef columns(samples.columns);
  const auto against = [&](const auto& tabulated) {
    if (!samples.rows) return tabulated->tiles();
    const sst::DataRef rows(*samples.rows);
    return tabulated->tiles(&rows);
  };
  if constexpr (std::is_same_v<Scalar, float>)
    return against(kernel.interface().in_float(columns));
  else
    return against(kernel.interface().in_double(columns));
}

}  // namespace gram
