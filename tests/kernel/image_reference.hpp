// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/dual.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>

/// The kernels of images by the plain rules: K and T of every pair of nodes, every pair of channel blocks and
/// every pair of positions, in long double, with no tricks. For small images and graphs of few nodes.
///
/// A node is a sum of atoms with coefficients that depend on sample and position: this follows the rules of
/// docs/mathematics.md node by node instead: dense/conv outputs are Gaussian, activations of Gaussians follow
/// rule 3 and 4, sums and pools are bilinear.
namespace sst_reference {

using Real = long double;
using sst::spatial::Axis;
using sst::spatial::Grid;
using sst::spatial::Window;

/// One random function of an image: a Gaussian source, an activation of a Gaussian, or the input, at each
/// position. A node's block is a linear combination of atoms at positions.
struct Atom {
  enum class Kind { input, source, activation, normalised } kind;
  std::size_t node;       ///< which weights: index of the node (or first of its weights group)
  std::size_t owner;      ///< the node it is the output of (fan-in of a source)
  std::size_t block = 0;  ///< activation: block of its argument
};

/// A node's block: for each position, coefficients of (atom, position).
struct Combination {
  Grid grid;
  bool flat = false;
  struct Term {
    std::size_t atom, position;
    Real factor;
  };
  std::vector<std::vector<Term>> positions;
};

/// By what the bias of a node at a position is multiplied at the first sample.
using BiasFactor = std::function<Real(std::size_t node, std::size_t position)>;

class Reference {
 public:
  Reference(const sst::Topology& net, const sst::ImageShape& shape, const Eigen::VectorXd& x,
            const Eigen::VectorXd& y, BiasFactor bias = {})
      : net_(net), shape_(shape), samples_{x, y}, bias_(std::move(bias)) {
    for (std::size_t i = 0; i < net.nodes().size(); ++i) nodes_.push_back(make(i));
  }

  struct Kernels {
    Real k = 0, t = 0;
  };

  /// Of samples a, b (0: x, 1: y) at the output.
  Kernels output(int a, int b) {
    const std::size_t out = net_.output();
    return blockwise(out, a, b);
  }

 private:
  const sst::NodeSpec& node(std::size_t i) const { return net_.nodes()[i]; }

  /// sum_b share_b K_b at the one position, or the mean over positions of flattened blocks.
  Kernels blockwise(std::size_t i, int a, int b) {
    Kernels sum;
    const auto& shares = net_.blocks(i);
    for (std::size_t k = 0; k < shares.size(); ++k) {
      const Combination& c = nodes_[i][k];
      for (std::size_t p = 0; p < c.grid.size(); ++p) {
        const Kernels each = pair(c, p, a, c, p, b);
        const Real share = static_cast<Real>(shares[k]) / static_cast<Real>(c.grid.size());
        sum.k += share * each.k;
        sum.t += share * each.t;
      }
    }
    return sum;
  }

  std::size_t add(Atom atom) {
    atoms_.push_back(atom);
    return atoms_.size() - 1;
  }

  static Combination single(Grid grid, std::size_t atom) {
    Combination c{grid, false, {}};
    for (std::size_t p = 0; p < grid.size(); ++p) c.positions.push_back({{atom, p, 1}});
    return c;
  }

  std::vector<Combination> make(std::size_t i) {
    const auto& spec = node(i);
    const auto& op = spec.operation;
    if (std::holds_alternative<sst::InputOp>(op))
      return {single({shape_.height, shape_.width}, add({Atom::Kind::input, i, i}))};
    if (std::holds_alternative<sst::DenseOp>(op) || std::holds_alternative<sst::ConvOp>(op)) {
      const auto* dense = std::get_if<sst::DenseOp>(&op);
      const auto* conv = std::get_if<sst::ConvOp>(&op);
      const std::string& weights = dense ? dense->weights : conv->weights;
      std::size_t group = i;
      if (!weights.empty()) group = groups_.emplace(weights, i).first->second;
      const Combination& in = nodes_[spec.inputs[0]][0];
      const Grid grid = conv      ? sst::spatial::out_of(sst::spatial::window_of(spec, in.grid))
                        : in.flat ? Grid{}
                                  : in.grid;
      return {single(grid, add({Atom::Kind::source, group, i}))};
    }
    if (const auto* act = std::get_if<sst::ActivationOp>(&op)) {
      const auto form = act->activation->angular();
      std::vector<Combination> out = nodes_[spec.inputs[0]];
      for (std::size_t b = 0; b < out.size(); ++b) {
        if (form && form->degree == 1 && form->even == 0) {
          for (auto& terms : out[b].positions)
            for (auto& term : terms) term.factor *= form->odd;
          continue;
        }
        const bool flat = out[b].flat;
        out[b] = single(out[b].grid, add({Atom::Kind::activation, i, spec.inputs[0], b}));
        out[b].flat = flat;
      }
      return out;
    }
    if (const auto* sum = std::get_if<sst::SumOp>(&op)) {
      std::vector<Combination> out = nodes_[spec.inputs[0]];
      for (auto& c : out)
        for (auto& terms : c.positions) terms.clear();
      for (std::size_t k = 0; k < spec.inputs.size(); ++k)
        for (std::size_t b = 0; b < out.size(); ++b)
          for (std::size_t p = 0; p < out[b].grid.size(); ++p)
            for (auto term : nodes_[spec.inputs[k]][b].positions[p]) {
              term.factor *= sum->coefficients[k];
              out[b].positions[p].push_back(term);
            }
      return out;
    }
    if (std::holds_alternative<sst::ConcatOp>(op)) {
      std::vector<Combination> out;
      for (const std::size_t in : spec.inputs) out.insert(out.end(), nodes_[in].begin(), nodes_[in].end());
      return out;
    }
    std::vector<Combination> out = nodes_[spec.inputs[0]];
    if (std::holds_alternative<sst::LayerNormOp>(op)) {
      for (std::size_t b = 0; b < out.size(); ++b)
        out[b] = single(out[b].grid, add({Atom::Kind::normalised, i, spec.inputs[0], b}));
      return out;
    }
    if (std::holds_alternative<sst::FlattenOp>(op)) {
      for (auto& c : out) c.flat = true;
      return out;
    }
    for (auto& c : out) {  // pools
      const Window w = sst::spatial::window_of(spec, c.grid);
      Combination pooled{sst::spatial::out_of(w), false, {}};
      for (std::size_t y = 0; y < w[0].out; ++y)
        for (std::size_t x = 0; x < w[1].out; ++x) {
          pooled.positions.emplace_back();
          for (std::size_t r = 0; r < w[0].size; ++r)
            for (std::size_t s = 0; s < w[1].size; ++s) {
              const std::size_t u = w[0].at(y, r), v = w[1].at(x, s);
              if (u == Axis::outside || v == Axis::outside) continue;
              for (auto term : c.positions[u * w[1].in + v]) {
                term.factor /= static_cast<Real>(w[0].size * w[1].size);
                pooled.positions.back().push_back(term);
              }
            }
        }
      c = std::move(pooled);
    }
    return out;
  }

  Kernels pair(const Combination& c, std::size_t p, int a, const Combination& d, std::size_t q, int b) {
    Kernels sum;
    for (const auto& s : c.positions[p])
      for (const auto& t : d.positions[q]) {
        const Kernels each = atoms(s.atom, s.position, a, t.atom, t.position, b);
        sum.k += s.factor * t.factor * each.k;
        sum.t += s.factor * t.factor * each.t;
      }
    return sum;
  }

  Kernels atoms(std::size_t u, std::size_t p, int a, std::size_t v, std::size_t q, int b) {
    const auto key = std::pair{std::pair{u * 100000 + p, a}, std::pair{v * 100000 + q, b}};
    if (const auto known = memo_.find(key); known != memo_.end()) return known->second;
    return memo_[key] = compute(atoms_[u], p, a, atoms_[v], q, b);
  }

  Real pixel(int a, std::size_t p, std::size_t c) const {
    return samples_[a][static_cast<Eigen::Index>(p * shape_.channels + c)];
  }

  Kernels compute(const Atom& u, std::size_t p, int a, const Atom& v, std::size_t q, int b) {
    using enum Atom::Kind;
    const auto channels = static_cast<Real>(shape_.channels);
    if (u.kind == normalised) return divided(u, p, a, v, q, b);
    if (v.kind == normalised) return divided(v, q, b, u, p, a);
    if (u.kind == input_kind && v.kind == input_kind) {
      Kernels k;
      for (std::size_t c = 0; c < shape_.channels; ++c) k.k += pixel(a, p, c) * pixel(b, q, c) / channels;
      return k;
    }
    if (u.kind == source && v.kind == source) return u.node == v.node ? weights(u, p, a, v, q, b) : Kernels{};
    if (u.kind == activation && v.kind == activation) return duals(u, p, a, v, q, b);
    if (u.kind == activation) return linear(u, p, a, v, q, b);
    if (v.kind == activation) return linear(v, q, b, u, p, a);
    return {};  // the input and a source
  }

  /// The mean over channels.
  Real mean(const Atom& u, std::size_t p, int a) {
    if (u.kind == Atom::Kind::input) {
      Real sum = 0;
      for (std::size_t c = 0; c < shape_.channels; ++c)
        sum += pixel(a, p, c) / static_cast<Real>(shape_.channels);
      return sum;
    }
    if (u.kind != Atom::Kind::activation) return 0;
    return function(u)
        ->moments(std::sqrt(std::max(Real(0), pair(argument(u), p, a, argument(u), p, a).k)))
        .mean;
  }
  Real mean(const Combination& c, std::size_t p, int a) {
    Real sum = 0;
    for (const auto& term : c.positions[p]) sum += term.factor * mean(atoms_[term.atom], term.position, a);
    return sum;
  }

  /// A normalised u: less its mean, over its standard deviation; the gradients of both vanish in the limit.
  Kernels divided(const Atom& u, std::size_t p, int a, const Atom& v, std::size_t q, int b) {
    const auto& shares = net_.blocks(u.owner);
    Real second = 0, centre = 0;
    for (std::size_t k = 0; k < shares.size(); ++k) {
      const Combination& c = nodes_[u.owner][k];
      second += static_cast<Real>(shares[k]) * pair(c, p, a, c, p, a).k;
      centre += static_cast<Real>(shares[k]) * mean(c, p, a);
    }
    const std::size_t other = static_cast<std::size_t>(&v - atoms_.data());
    Kernels sum;
    for (const auto& term : argument(u).positions[p]) {
      const Kernels each = atoms(term.atom, term.position, a, other, q, b);
      sum.k += term.factor * each.k;
      sum.t += term.factor * each.t;
    }
    sum.k -= centre * mean(v, q, b);
    const Real std = std::sqrt(second - centre * centre);
    return {sum.k / std, sum.t / std};
  }

  /// Rule 2, at the windows' positions.
  Kernels weights(const Atom& u, std::size_t p, int a, const Atom& v, std::size_t q, int b) {
    const auto& op = node(u.owner).operation;
    const std::size_t in = node(u.owner).inputs[0], other = node(v.owner).inputs[0];
    const auto& shares = net_.blocks(in);
    Kernels sum;
    Real weight_variance = 0, bias_variance = 0, weight_rate = 0, bias_rate = 0;
    sst::detail::visit_layer(op, [&](const auto& layer) {
      weight_variance = static_cast<Real>(layer.weight_std) * layer.weight_std;
      bias_variance = static_cast<Real>(layer.bias_std) * layer.bias_std;
      weight_rate = layer.weight_rate;
      bias_rate = layer.bias_rate;
    });
    if (bias_ && a == 0) bias_variance *= bias_(u.owner, p);
    if (bias_ && b == 0) bias_variance *= bias_(v.owner, q);
    if (std::holds_alternative<sst::ConvOp>(op)) {
      for (std::size_t k = 0; k < shares.size(); ++k) {
        const Combination &c = nodes_[in][k], &d = nodes_[other][k];
        const Window w = sst::spatial::window_of(node(u.owner), c.grid);
        for (std::size_t i = 0; i < w[0].size; ++i)
          for (std::size_t j = 0; j < w[1].size; ++j) {
            const std::size_t r = w[0].at(p / w[1].out, i), s = w[1].at(p % w[1].out, j);
            const std::size_t r2 = w[0].at(q / w[1].out, i), s2 = w[1].at(q % w[1].out, j);
            if (r == Axis::outside || s == Axis::outside || r2 == Axis::outside || s2 == Axis::outside)
              continue;
            const Kernels each = pair(c, r * w[1].in + s, a, d, r2 * w[1].in + s2, b);
            const Real share = static_cast<Real>(shares[k]) / static_cast<Real>(w[0].size * w[1].size);
            sum.k += share * each.k;
            sum.t += share * each.t;
          }
      }
    } else {
      for (std::size_t k = 0; k < shares.size(); ++k) {
        const Combination &c = nodes_[in][k], &d = nodes_[other][k];
        const std::size_t count = c.flat ? c.grid.size() : 1;
        for (std::size_t i = 0; i < count; ++i) {
          const Kernels each = pair(c, c.flat ? i : p, a, d, c.flat ? i : q, b);
          sum.k += static_cast<Real>(shares[k]) / static_cast<Real>(count) * each.k;
          sum.t += static_cast<Real>(shares[k]) / static_cast<Real>(count) * each.t;
        }
      }
    }
    return {weight_variance * sum.k + bias_variance,
            weight_variance * (weight_rate * sum.k + sum.t) + bias_rate * bias_variance};
  }

  const sst::ActivationPtr& function(const Atom& u) const {
    return std::get<sst::ActivationOp>(node(u.node).operation).activation;
  }
  const Combination& argument(const Atom& u) const { return nodes_[u.owner][u.block]; }

  /// Rule 3.
  Kernels duals(const Atom& u, std::size_t p, int a, const Atom& v, std::size_t q, int b) {
    const Kernels in = pair(argument(u), p, a, argument(v), q, b);
    const Real s = std::sqrt(std::max(Real(0), pair(argument(u), p, a, argument(u), p, a).k));
    const Real t = std::sqrt(std::max(Real(0), pair(argument(v), q, b, argument(v), q, b).k));
    const auto f = function(u)->angular(), g = function(v)->angular();
    const bool same = &u == &v && p == q && a == b;
    const Real c = same ? 1 : s > 0 && t > 0 ? std::clamp(in.k / s / t, Real(-1), Real(1)) : 0;
    if (f && g && f->degree == 1 && g->degree == 1) {
      const Real pi = std::numbers::pi_v<Real>;
      const Real angle = std::asin(c), root = std::sqrt(std::max(Real(0), (1 - c) * (1 + c)));
      const Real odd = static_cast<Real>(f->odd) * g->odd, even = static_cast<Real>(f->even) * g->even;
      return {s * t * (odd * c + even * 2 / pi * (root + c * angle)), (odd + even * 2 / pi * angle) * in.t};
    }
    const Real half = (1 - c) / 2, complement = (1 + c) / 2;
    Real value = 0, derivative = 0;
    sst::dual_map(function(u), function(v))
        ->evaluate(sst::DualStrip<Real>{1, s, &t, &half, &complement, &value, &derivative});
    return {value, derivative * in.t};
  }

  /// Rule 4, for an activation u with a source; with the input it is a product of means.
  Kernels linear(const Atom& u, std::size_t p, int a, const Atom& v, std::size_t q, int b) {
    const Real s = std::sqrt(std::max(Real(0), pair(argument(u), p, a, argument(u), p, a).k));
    const auto m = function(u)->moments(s);
    if (v.kind == Atom::Kind::input) {
      Real mean = 0;
      for (std::size_t c = 0; c < shape_.channels; ++c)
        mean += pixel(b, q, c) / static_cast<Real>(shape_.channels);
      return {m.mean * mean, 0};
    }
    const std::size_t source = static_cast<std::size_t>(&v - atoms_.data());
    Kernels cross;
    for (const auto& term : argument(u).positions[p]) {
      const Kernels each = atoms(term.atom, term.position, a, source, q, b);
      cross.k += term.factor * each.k;
      cross.t += term.factor * each.t;
    }
    return {m.slope * cross.k, m.slope * cross.t};
  }

  static constexpr Atom::Kind input_kind = Atom::Kind::input;

  const sst::Topology& net_;
  sst::ImageShape shape_;
  Eigen::VectorXd samples_[2];
  BiasFactor bias_;
  std::vector<Atom> atoms_;
  std::vector<std::vector<Combination>> nodes_;
  std::map<std::string, std::size_t> groups_;
  std::map<std::pair<std::pair<std::size_t, int>, std::pair<std::size_t, int>>, Kernels> memo_;
};

}  // namespace sst_reference
