// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/rows/profile_curve.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/error.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/plan.hpp>
#include <sst/topology/node.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// When kernels depend on two inputs through their norms and the angle between them alone.
enum class Radial {
  no,           ///< they depend on more
  homogeneous,  ///< K(x, x') = |x||x'| kappa(theta) for inputs of any norms
  one_norm      ///< K(x, x') = kappa(theta) for inputs of one and the same norm
};

/// Positively homogeneous activations and no biases: homogeneous. Anything else that does not read the mean
/// of the input's channels: one_norm.
inline Radial radial(const Plan& plan) {
  bool homogeneous = true;
  for (const plan::Variable& v : plan.variables) {
    if (v.kind == plan::VariableKind::centred_input) return Radial::no;
    if (v.activation && !(v.activation->angular() && v.activation->angular()->degree == 1))
      homogeneous = false;
    for (const plan::Expansion& e : v.expansions)
      for (const plan::ConstantTerm& c : e.constants) {
        if (c.value.input != 0) return Radial::no;
        if (c.value.fixed != 0) homogeneous = false;
      }
  }
  return homogeneous ? Radial::homogeneous : Radial::one_norm;
}

/// Why a plan has no radial profile, for messages.
inline std::string radial_obstacle(const Plan& plan) {
  return radial(plan) == Radial::no ? "the input itself meets an activation in a sum, so its mean over "
                                      "channels matters beside the angle"
                                    : "the inputs have different norms and the network has biases or "
                                      "activations that are not positively homogeneous";
}

/// A network's kernels as functions of the angle between two inputs: K = s s' nngp(theta), T = s s'
/// ntk(theta), with s = norm of an input over the norm of reference for homogeneous networks and 1 on inputs
/// of one norm.
///
/// Polynomials built from the plan itself, checked against it at other points. Then a kernel costs the same
/// whatever the network. Accuracy: `tolerance` (1.5e-14 in double, 1e-6 in float) relative to the value at
/// angle 0, that is, to the diagonal.
template <class Scalar>
class Profile {
 public:
  /// The largest error relative to the diagonal that is accepted.
  static constexpr double tolerance = std::is_same_v<Scalar, float> ? 1e-6 : 1.5e-14;

  /// `norm`: |x|/sqrt(d) of the inputs. Throws Error where the plan is not radial, where a kernel
  /// is zero, and where the tolerance is missed.
  explicit Profile(const Plan& plan, double norm = 1) : norm_(norm), radial_(radial(plan)) {
    if (radial_ == Radial::no)
      throw Error("topology '" + plan.topology + "' has no radial profile: " + radial_obstacle(plan) +
                  "; compute it directly");
    if (!(norm > 0) || !std::isfinite(norm))
      throw Error("a profile needs inputs of a positive norm; give one above 0");
    if (plan.ntk && !plan.pairs[plan.result].tangent)
      throw Error("the NTK of topology '" + plan.topology +
                  "' is zero (no parameter that learns reaches its output), so that a profile has nothing to "
                  "scale by; compute it directly");
    const bool extended = plan.needs_extended || !plan.angular_only;
    const auto build = [&](Kernel kernel) {
      return extended ? curve<long double>(plan, kernel) : curve<double>(plan, kernel);
    };
    nngp_.emplace(build(Kernel::nngp));
    if (plan.ntk) ntk_.emplace(build(Kernel::ntk));
    require_accuracy("topology '" + plan.topology + "'", "; compute it directly");
  }

  /// Of two functions that are there already, homogeneous ones: kernels over |x||x'|/d. `name` is for
  /// messages. Throws Error where a kernel is zero at angle 0, and where the tolerance is missed.
  Profile(const std::string& name, const typename ProfileCurve<Scalar>::Function& nngp,
          const typename ProfileCurve<Scalar>::Function& ntk)
      : norm_(1), radial_(Radial::homogeneous) {
    nngp_.emplace(nngp, std::vector<double>{1}, tolerance);
    ntk_.emplace(ntk, std::vector<double>{1}, tolerance);
    require_accuracy(name, "; choose a less extreme one");
  }

  /// The norm of reference.
  double norm() const { return norm_; }
  /// On which inputs the profile holds.
  Radial kind() const { return radial_; }
  /// Whether this kernel was compiled.
  bool has(Kernel kernel) const { return kernel == Kernel::nngp || ntk_.has_value(); }
  /// The polynomials of a kernel. Throws Error for the NTK of a plan compiled for the NNGP.
  const ProfileCurve<Scalar>& curve(Kernel kernel) const {
    if (!has(kernel))
      throw Error("the plan was compiled for the NNGP; compile it for Kernel::ntk to profile that");
    return kernel == Kernel::nngp ? *nngp_ : *ntk_;
  }

  /// kappa at one angle in [0, pi], for inputs of the norm of reference.
  double operator()(Kernel kernel, double theta) const {
    const double sine = std::sin(theta / 2), cosine = std::sin((std::numbers::pi - theta) / 2);
    std::array<Scalar, static_cast<std::size_t>(P::size)> half, complement, value;
    half.fill(static_cast<Scalar>(sine * sine));
    complement.fill(static_cast<Scalar>(cosine * cosine));
    curve(kernel).evaluate(half.data(), complement.data(), value.data(), value.size());
    return static_cast<double>(value[0]) * curve(kernel).scale();
  }

  /// kappa on a whole matrix of angles, as `input_angles` gives it: thousands of topologies on one of them.
  /// Norms are not in it. `out` gets the rows and columns of `angles`.
  template <class Matrix>
  void evaluate(Kernel kernel, const Matrix& angles, Matrix& out) const {
    const auto& f = curve(kernel);
    const auto scale = static_cast<Scalar>(f.scale());
    out.resize(angles.rows(), angles.cols());
    constexpr Eigen::Index block = 512;
    const Eigen::Index size = angles.size();
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (size > 64 * block)
#endif
    for (Eigen::Index first = 0; first < size; first += block) {
      std::array<Scalar, block> half, complement, value;
      const Eigen::Index count = std::min(block, size - first);
      const Scalar* angle = angles.data() + first;
      if (count < block) {  // the last one, filled up to whole packs
        std::fill(std::copy_n(angle, count, value.data()), value.data() + block, Scalar(0));
        angle = value.data();
      }
      const auto zero = P::all(Scalar(0)), one = P::all(Scalar(1));
      for (std::size_t l = 0; l < value.size(); l += static_cast<std::size_t>(P::size)) {
        const auto a = P::load(angle + l), near = max(a, zero - a), far = one - near;
        less(a, zero, far, near).store(half.data() + l);
        less(a, zero, near, far).store(complement.data() + l);
      }
      f.evaluate(half.data(), complement.data(), value.data(), value.size());
      Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>(out.data() + first, count) =
          scale * Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>(value.data(), count);
    }
  }

 private:
  using P = gram_detail::Pack<Scalar>;

  void require_accuracy(const std::string& name, const char* remedy) const {
    for (const auto* c : {&nngp_, &ntk_})
      if (*c && (*c)->error() > tolerance)
        throw Error("the radial profile of " + name + " is off by " + detail::format_number((*c)->error()) +
                    " of the diagonal at degree " + std::to_string((*c)->degree()) + " in " +
                    std::to_string((*c)->pieces()) + " pieces, more than " +
                    detail::format_number(tolerance) + remedy);
  }

  template <class Work>
  ProfileCurve<Scalar> curve(const Plan& plan, Kernel kernel) const {
    using Machine = gram_detail::StripMachine<Work>;
    constexpr auto length = static_cast<Eigen::Index>(Machine::length);
    const Eigen::MatrixXd x = Eigen::MatrixXd::Constant(length, 1, norm_);
    const auto samples = gram_detail::tabulate<Work>(plan, x);
    Machine machine(plan, samples, samples);
    const double variance = static_cast<double>(samples.scale[0] * samples.scale[0]);
    const auto f = [&](const auto& half, const auto& complement) {
      Eigen::ArrayXd values(half.size());
      Eigen::Array<Work, Eigen::Dynamic, 1> h(length), m(length);
      for (Eigen::Index first = 0; first < half.size(); first += length) {
        const Eigen::Index count = std::min(length, half.size() - first);
        h.setZero();
        m.setOnes();
        h.head(count) = half.segment(first, count).template cast<Work>();
        m.head(count) = complement.segment(first, count).template cast<Work>();
        machine.run_at(h.data(), m.data(), static_cast<std::size_t>(length));
        const Work *c = machine.half(plan.result), *t = machine.tangent(plan.result);
        for (Eigen::Index l = 0; l < count; ++l)
          values[first + l] = variance * static_cast<double>(kernel == Kernel::nngp ? 1 - 2 * c[l] : t[l]);
      }
      return values;
    };
    return ProfileCurve<Scalar>(f, contractions(plan, samples), tolerance);
  }

  /// 1, and the shares of the input in the variances of first layers.
  template <class Work>
  static std::vector<double> contractions(const Plan& plan, const gram_detail::Samples<Work>& samples) {
    std::vector<double> shares{1};
    for (const plan::Variable& v : plan.variables) {
      if (v.kind != plan::VariableKind::source) continue;
      for (const plan::Term& term : v.expansions.front().terms) {
        if (plan.variables[term.variable].kind != plan::VariableKind::input || term.column == plan::none)
          continue;
        const auto w = static_cast<double>(samples.column(term.column)[0]);
        if (w > 0 && w < 1 && std::find(shares.begin(), shares.end(), w * w) == shares.end())
          shares.push_back(w * w);
      }
    }
    if (shares.size() > 4) shares.resize(4);
    return shares;
  }

  double norm_;
  Radial radial_;
  std::optional<ProfileCurve<Scalar>> nngp_, ntk_;
};

/// The angles between the rows of a data set, as Profile::evaluate takes them: (1 - c)/2 of acute angles and
/// -(1 + c)/2 of obtuse ones (the antipode: minus the smallest normal number), so that both ends keep all
/// digits. n x n; zero rows count as orthogonal to nothing: their numbers mean nothing, multiply the kernel
/// by their norm. Throws DataError for numbers that are not finite.
template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> input_angles(const DataRef& x) {
  namespace g = gram_detail;
  x.require_finite("the data set");
  const Plan plan = compile(trace([](Node n) { return n; }), Kernel::nngp);
  const auto samples = g::tabulate<Scalar>(plan, x);
  constexpr auto length = g::StripMachine<Scalar>::length;
  const auto n = x.rows();
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(n, n);
#ifdef _OPENMP
#pragma omp parallel
#endif
  {
    g::InputPairs<Scalar> pairs(samples.unit, samples.unit);
    Eigen::Array<Scalar, Eigen::Dynamic, 1> half(length), complement(length);
#ifdef _OPENMP
#pragma omp for schedule(static)
#endif
    for (Eigen::Index j0 = 0; j0 < n; j0 += length) {
      const auto rows = std::min<Eigen::Index>(length, n - j0);
      pairs.tile(0, samples.count, static_cast<std::size_t>(j0), static_cast<std::size_t>(rows));
      for (Eigen::Index i = 0; i < n; ++i) {
        pairs.strip(static_cast<std::size_t>(i), static_cast<std::size_t>(j0), length, half.data(),
                    complement.data());
        out.col(i).segment(j0, rows) =
            (half.head(rows) > complement.head(rows))
                .select(-complement.head(rows).max(std::numeric_limits<Scalar>::min()), half.head(rows));
      }
    }
  }
  return out;
}

/// Degrees, pieces and errors, one line a kernel.
template <class Scalar>
std::ostream& operator<<(std::ostream& out, const Profile<Scalar>& profile) {
  out << "radial profile, "
      << (profile.kind() == Radial::homogeneous ? "K = |x||x'| kappa(theta)" : "K = kappa(theta) on one norm")
      << '\n';
  for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
    if (!profile.has(kernel)) continue;
    const auto& curve = profile.curve(kernel);
    out << "  " << (kernel == Kernel::nngp ? "nngp" : "ntk") << ": degree " << curve.degree() << ", "
        << curve.pieces() << (curve.pieces() == 1 ? " piece" : " pieces")
        << ", kappa(0) = " << detail::format_number(curve.scale()) << ", largest error seen " << curve.error()
        << " kappa(0)\n";
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
