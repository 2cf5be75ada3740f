// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/images/image_table.hpp>
#include <sst/engine/pack.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// The planes of a few left images against a vector of right ones: where their numbers are, and how the
/// positions of the two images meet on the plane of one displacement.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Whose left image a lane has: `one` for all lanes, or each its `own` right image.
enum class Left { one, own };

/// The memory of all pairs' planes, and the images and the displacement that are worked on. Rows of a plane
/// are one vector of lanes a position.
template <class Scalar, Left left_mode>
class Planes {
 public:
  static constexpr Index L = lanes<Scalar>;  ///< right images that are computed side by side
  /// h and t of a position are neighbours, so that a row of both is one stream of memory.
  static constexpr Index pitch = 2 * L;
  /// The numbers that one instruction takes.
  using P = gram_detail::Pack<Scalar>;

  /// Where the numbers of a row of a plane are: h, t and (1 + c)/2.
  struct Row {
    Scalar *half, *tangent, *complement;  ///< null where the pair has none
  };

  /// For batches of `batch` left images at most. Keeps references to the plan and the program.
  Planes(const SpatialPlan& plan, const Program& program, Index batch) : plan_(plan), program_(program) {
    row_numbers_ = program.rows * program.row_size;
    plane_numbers_ = program.planes * program.plane_size;
    each_ = 2 * (row_numbers_ + plane_numbers_ + program.kept);
    memory_.setZero(static_cast<Eigen::Index>(each_ * batch * pitch));
    same_.assign(batch * L, 0);
  }
  Planes(const Planes&) = delete;
  Planes& operator=(const Planes&) = delete;

  /// Bytes of the planes for such batches.
  static double bytes(const Program& program, Index batch) {
    const double each = 2.0 * static_cast<double>(program.rows * program.row_size +
                                                  program.planes * program.plane_size + program.kept);
    return each * static_cast<double>(batch * pitch * sizeof(Scalar));
  }

  /// Sets all numbers to zero.
  void clear() { memory_.setZero(); }
  /// Sets h and t of what lives for one displacement to zero, all but kept pairs; of the first left image.
  void clear_displacement() {
    memory_.head(static_cast<Eigen::Index>((row_numbers_ + plane_numbers_) * pitch)).setZero();
  }

  /// `same`: by left image and lane, whether both images are the same one.
  void begin(const ImageTable<Scalar>* const* left, Index count, const ImageTable<Scalar>& right,
             const unsigned char* same) {
    left_ = left;
    right_ = &right;
    std::copy_n(same, count * L, same_.begin());
  }

  /// Makes the plane of displacement d on this grid the one that is worked on.
  void displace(const Grid& grid, Index d) {
    d_ = d;
    grid_ = grid;
    dy_ = d / grid_.width;
    dx_ = d % grid_.width;
  }
  /// The displacement that is worked on.
  Index displacement() const { return d_; }
  /// The grid that is worked on.
  const Grid& grid() const { return grid_; }
  /// The right image's row on row y of the plane.
  Index right_row(Index y) const { return (y + dy_) % grid_.height; }

  /// Where the numbers of a row are; kept pairs have all planes.
  Row row(Index pair, Index b, Index y) { return row(pair, b, y, d_); }
  /// The same on the plane of another displacement, of a kept pair.
  Row row(Index pair, Index b, Index y, Index d) {
    const Storage& s = program_.storage[pair];
    const Pair& p = plan_.pairs[pair];
    Index place = 0;
    if (s.kind == Storage::Kind::row)
      place = s.slot * program_.row_size;
    else if (s.kind == Storage::Kind::plane)
      place = row_numbers_ + s.slot * program_.plane_size + y * p.grid.width;
    else
      place = row_numbers_ + plane_numbers_ + s.slot + program_.plane_of[pair][d] * p.grid.size() +
              y * p.grid.width;
    return rows_at(place, b, p.tangent, p.complement);
  }

  /// Left image b.
  const ImageTable<Scalar>& left_image(Index b) const { return *left_[b]; }
  /// The vector of right images.
  const ImageTable<Scalar>& right_image() const { return *right_; }
  /// Column c of left image b.
  const Scalar* left_column(Index b, Index c) const { return left_[b]->column(c); }
  /// Column c of the right images.
  const Scalar* right_column(Index c) const { return right_->column(c); }

  /// Whether left image b and the right image of this lane are the same one.
  bool same(Index b, Index lane) const { return same_[b * L + lane] != 0; }

  /// A number in all lanes.
  static P all(double value) { return P::all(static_cast<Scalar>(value)); }
  /// The left image's numbers of a position.
  static P left(const Scalar* column, Index position) {
    if constexpr (left_mode == Left::own)
      return P::load(column + position * L);
    else
      return P::all(column[position]);
  }
  /// One lane's.
  static Scalar left(const Scalar* column, Index position, Index lane) {
    return column[left_mode == Left::own ? position * L + lane : position];
  }
  /// From one of them to the next.
  static constexpr Index left_step = left_mode == Left::own ? L : 1;

  /// f(x, right position) over a row: to the right end of the image, then from its left end on.
  template <class F>
  void along(Index y, F&& f) const {
    const Index base = (y + dy_) % grid_.height * grid_.width;
    for (Index x = 0; x < grid_.width - dx_; ++x) f(x, base + x + dx_);
    for (Index x = grid_.width - dx_; x < grid_.width; ++x) f(x, base + x + dx_ - grid_.width);
  }

  /// The right image's numbers along a row: to the right end of the image, then from its left end on.
  struct Cursor {
    const Scalar *at, *begin, *end;  ///< the number that is read, and the row's ends
    Index step;                      ///< from one position to the next
    /// At row y of the plane, where `column` has `depth` numbers a position.
    Cursor(const Scalar* column, Index depth, const Planes& planes, Index y) : step(depth * L) {
      const Index width = planes.grid_.width;
      begin = column + (y + planes.dy_) % planes.grid_.height * width * step;
      end = begin + width * step;
      at = begin + planes.dx_ * step;
    }
    /// On to the next position of the plane's row.
    void next() {
      at += step;
      at = at == end ? begin : at;
    }
  };

  /// A variable with itself at the same position of the same image: h = 0 by definition.
  void identical(const Row& out, Index b) const {
    if (d_ != 0) return;
    for (Index l = 0; l < L; ++l)
      for (Index x = 0; same_[b * L + l] && x < grid_.width; ++x) {
        out.half[x * pitch + l] = 0;
        if (out.complement) out.complement[x * pitch + l] = 1;
      }
  }

 private:
  Row rows_at(Index place, Index b, bool tangent, bool complement) {
    Scalar* at = memory_.data() + (b * each_ + place) * pitch;
    return {at, tangent ? at + L : nullptr, complement ? at + each_ / 2 * pitch : nullptr};
  }

  const SpatialPlan& plan_;
  const Program& program_;
  Index each_ = 0, row_numbers_ = 0, plane_numbers_ = 0;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> memory_;
  std::vector<unsigned char> same_;
  const ImageTable<Scalar>* const* left_ = nullptr;
  const ImageTable<Scalar>* right_ = nullptr;
  Index d_ = 0, dy_ = 0, dx_ = 0;
  Grid grid_ = {};
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
