// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/gram/samples.hpp>
#include <sst/gram/strip.hpp>
#include <sst/plan/plan.hpp>
#include <sst/topology/topology.hpp>

namespace sst {

/// One kernel of a network as a function of the angle theta between two inputs, compiled to polynomials.
///
/// Variable: with the turn a = theta/pi in [0, 1], u = a/(a + b). Composing layers moves the
/// nearest singularity of kappa(theta) towards theta = -3 pi/depth, just outside the interval; the
/// constant b puts it far away again, so that the degree hardly grows with depth. [0, u(1)] is cut into
/// pieces of one degree where one polynomial is not enough.
template <class Scalar>
class ProfileCurve {
 public:
  /// Fits f on [0, 1] (turns; many at once) to `tolerance` times |f(0)|. `error` afterwards: the largest one
  /// at points that the fit has not seen, evaluated in Scalar.
  using Function = std::function<Eigen::ArrayXd(const Eigen::ArrayXd&)>;
  ProfileCurve(const Function& f, double tolerance) { fit(f, tolerance); }

  int degree() const { return degree_; }
  int pieces() const { return pieces_; }
  double scale() const { return scale_; }  ///< the value at angle 0
  double error() const { return error_; }  ///< largest relative to the value at angle 0
  double shift() const { return shift_; }  ///< b; infinite: u = a

  /// kappa at `count` turns (a multiple of the pack's size), over kappa(0).
  void evaluate(const Scalar* turn, Scalar* value, std::size_t count) const {
    constexpr auto width = static_cast<std::size_t>(P::size);
    for (std::size_t j = 0; j < count; j += width) (*this)(P::load(turn + j)).store(value + j);
  }

  using P = gram_detail::Pack<Scalar>;
  P operator()(P turn) const {
    const P x = position(turn);
    if (pieces_ > 1) return piecewise(x);
    // x in [-1, 1]
    auto value = P::all(coefficients_.back());
    for (std::size_t k = coefficients_.size() - 1; k-- > 0;) value = fma(value, x, P::all(coefficients_[k]));
    return value;
  }

 private:
  /// u scaled to [-1, 1] (one piece) or [0, pieces].
  P position(P turn) const {
    const P u = std::isinf(shift_) ? turn : divide(turn, turn + P::all(static_cast<Scalar>(shift_)));
    return fma(u, P::all(stretch_), P::all(offset_));
  }

  P piecewise(P x) const {
    constexpr auto width = static_cast<std::size_t>(P::size);
    std::array<Scalar, width> at, out;
    x.store(at.data());
    for (std::size_t l = 0; l < width; ++l) {
      const int piece = std::clamp(static_cast<int>(at[l]), 0, pieces_ - 1);
      const Scalar t = 2 * (at[l] - static_cast<Scalar>(piece)) - 1;
      const Scalar* c = coefficients_.data() + piece * (degree_ + 1);
      Scalar value = c[degree_];
      for (int k = degree_; k-- > 0;) value = value * t + c[k];
      out[l] = value;
    }
    return P::load(out.data());
  }

  double turn_at(double u) const { return std::isinf(shift_) ? u : u * shift_ / (1 - u); }
  double end() const { return std::isinf(shift_) ? 1 : 1 / (1 + shift_); }

  /// Coefficients of Chebyshev polynomials of f on the p-th of n pieces.
  std::vector<double> chebyshev(const Function& f, int p, int n, int degree) const {
    const int points = degree + 1;
    Eigen::ArrayXd turns(points);
    for (int k = 0; k < points; ++k) {
      const double node = std::cos(std::numbers::pi * (k + 0.5) / points);
      turns[k] = std::clamp(turn_at((p + (node + 1) / 2) / n * end()), 0.0, 1.0);
    }
    const Eigen::ArrayXd values = f(turns) / scale_;
    std::vector<double> c(static_cast<std::size_t>(points));
    for (int j = 0; j < points; ++j) {
      double sum = 0;
      for (int k = 0; k < points; ++k)
        sum += values[k] * std::cos(std::numbers::pi * ((j * (2 * k + 1)) % (4 * points)) / (2.0 * points));
      c[static_cast<std::size_t>(j)] = (j ? 2 : 1) * sum / points;
    }
    return c;
  }

  /// The smallest degree whose remainder is below the tolerance; the full one if there is none.
  static int needed(const std::vector<double>& c, double tolerance) {
    double rest = 0;
    auto degree = static_cast<int>(c.size()) - 1;
    while (degree > 1 && (rest += std::abs(c[static_cast<std::size_t>(degree)])) < tolerance) --degree;
    return degree;
  }

  /// Chebyshev to monomials, in extended precision.
  static std::vector<Scalar> monomials(const std::vector<double>& c, int degree) {
    const auto n = static_cast<std::size_t>(degree) + 1;
    std::vector<long double> before(n, 0), now(n, 0), sum(n, 0);
    before[0] = 1;
    if (n > 1) now[1] = 1;
    sum[0] = c[0];
    for (std::size_t j = 1; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) sum[k] += static_cast<long double>(c[j]) * now[k];
      std::vector<long double> next(n, 0);
      for (std::size_t k = 0; k < n; ++k) next[k] = (k ? 2 * now[k - 1] : 0) - before[k];
      before = std::move(now);
      now = std::move(next);
    }
    return {sum.begin(), sum.end()};
  }

  void fit(const Function& f, double tolerance) {
    constexpr int most = 64, most_of_a_piece = 24;
    scale_ = f(Eigen::ArrayXd::Zero(1))[0];
    if (!(scale_ != 0)) throw Error("the kernel is zero at angle 0; a profile has nothing to scale by");
    double best_shift = std::numeric_limits<double>::infinity();
    int best = most;
    for (const double b :
         {std::numeric_limits<double>::infinity(), 3.0, 1.5, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08}) {
      shift_ = b;
      if (const int n = needed(chebyshev(f, 0, 1, most), tolerance / 2); n < best) best = n, best_shift = b;
    }
    shift_ = best_shift;
    for (pieces_ = 1, degree_ = best; pieces_ <= 64; pieces_ *= 2, degree_ = most_of_a_piece) {
      stretch_ = static_cast<Scalar>((pieces_ == 1 ? 2 : pieces_) / end());
      offset_ = static_cast<Scalar>(pieces_ == 1 ? -1 : 0);
      coefficients_.clear();
      for (int p = 0; p < pieces_; ++p) {
        const auto c = monomials(chebyshev(f, p, pieces_, pieces_ == 1 ? most : degree_), degree_);
        coefficients_.insert(coefficients_.end(), c.begin(), c.end());
      }
      error_ = check(f);
      if (error_ <= tolerance) return;
    }
    pieces_ /= 2;
  }

  /// The largest error at points between those of the fit, near both ends too.
  double check(const Function& f) const {
    constexpr auto width = static_cast<std::size_t>(P::size);
    std::vector<double> turns;
    for (int k = 0; k < 251; ++k) turns.push_back((k + std::numbers::phi - 1) / 252.0);
    for (int k = 1; k <= 40; ++k) {
      turns.push_back(std::pow(10.0, -0.4 * k));
      turns.push_back(1 - turns.back());
    }
    while (turns.size() % width != 0) turns.push_back(1.0);
    const auto count = static_cast<Eigen::Index>(turns.size());
    const Eigen::Array<Scalar, Eigen::Dynamic, 1> at =
        Eigen::Map<const Eigen::ArrayXd>(turns.data(), count).template cast<Scalar>();
    Eigen::Array<Scalar, Eigen::Dynamic, 1> values(count);
    evaluate(at.data(), values.data(), turns.size());
    const Eigen::ArrayXd exact = f(at.template cast<double>()) / scale_;
    const double error = (values.template cast<double>() - exact).abs().maxCoeff();
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
  }

  double shift_ = 0, scale_ = 0, error_ = 0;
  int degree_ = 0, pieces_ = 1;
  Scalar stretch_ = 0, offset_ = 0;
  std::vector<Scalar> coefficients_;  // pieces x (degree + 1), lowest first
};

/// When kernels depend on two inputs through their norms and the angle between them alone.
enum class Radial {
  no,
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
/// whatever the network. Accuracy: `tolerance` (1e-14 in double, 4e-7 in float) relative to the value at
/// angle 0, that is, to the diagonal.
template <class Scalar>
class Profile {
 public:
  static constexpr double tolerance = std::is_same_v<Scalar, float> ? 4e-7 : 1.5e-14;

  /// `norm`: |x|/sqrt(d) of the inputs. Throws Error where the plan is not radial, where a kernel
  /// is zero, and where the tolerance is missed.
  explicit Profile(const Plan& plan, double norm = 1) : norm_(norm), radial_(radial(plan)) {
    if (radial_ == Radial::no)
      throw Error("topology '" + plan.topology + "' has no radial profile: " + radial_obstacle(plan) +
                  "; compute it directly");
    if (!(norm > 0) || !std::isfinite(norm))
      throw Error("a profile needs inputs of a positive norm; give one above 0");
    const bool extended = plan.needs_extended || !plan.angular_only;
    const auto build = [&](Kernel kernel) {
      return extended ? curve<long double>(plan, kernel) : curve<double>(plan, kernel);
    };
    nngp_.emplace(build(Kernel::nngp));
    if (plan.ntk) ntk_.emplace(build(Kernel::ntk));
    for (const auto* c : {&nngp_, &ntk_})
      if (*c && (*c)->error() > tolerance)
        throw Error("the radial profile of topology '" + plan.topology + "' is off by " +
                    detail::format_number((*c)->error()) + " of the diagonal at degree " +
                    std::to_string((*c)->degree()) + " in " + std::to_string((*c)->pieces()) +
                    " pieces, more than " + detail::format_number(tolerance) + "; compute it directly");
  }

  double norm() const { return norm_; }
  Radial kind() const { return radial_; }
  bool has(Kernel kernel) const { return kernel == Kernel::nngp || ntk_.has_value(); }
  const ProfileCurve<Scalar>& curve(Kernel kernel) const {
    if (!has(kernel))
      throw Error("the plan was compiled for the NNGP; compile it for Kernel::ntk to profile that");
    return kernel == Kernel::nngp ? *nngp_ : *ntk_;
  }

  /// kappa at one angle in [0, pi], for inputs of the norm of reference.
  double operator()(Kernel kernel, double theta) const {
    using P = gram_detail::Pack<Scalar>;
    std::array<Scalar, static_cast<std::size_t>(P::size)> value{};
    curve(kernel)(P::all(static_cast<Scalar>(theta / std::numbers::pi))).store(value.data());
    return static_cast<double>(value[0]) * curve(kernel).scale();
  }

  /// kappa of a whole matrix of turns theta/pi, for example `turns(x)`: thousands of topologies on one
  /// set of angles. Unscaled by norms.
  template <class Derived>
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> operator()(
      Kernel kernel, const Eigen::MatrixBase<Derived>& turns) const {
    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(turns.rows(), turns.cols());
    evaluate(kernel, turns.derived(), out);
    return out;
  }
  /// The same into a matrix of the same size, in parallel.
  template <class Matrix, class Out>
  void evaluate(Kernel kernel, const Matrix& turns, Out& out) const {
    using P = gram_detail::Pack<Scalar>;
    const auto& f = curve(kernel);
    const auto scale = P::all(static_cast<Scalar>(f.scale()));
    const auto width = static_cast<Eigen::Index>(P::size);
    const Eigen::Index size = turns.size(), whole = size / width * width, block = 1 << 14;
    const Scalar* from = turns.data();
    Scalar* to = out.data();
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (size > 8 * block)
#endif
    for (Eigen::Index first = 0; first < whole; first += block)
      for (Eigen::Index j = first; j < std::min(first + block, whole); j += width)
        (f(P::load(from + j)) * scale).store(to + j);
    for (Eigen::Index j = whole; j < size; ++j) {
      std::array<Scalar, static_cast<std::size_t>(P::size)> value{};
      (f(P::all(from[j])) * scale).store(value.data());
      to[j] = value[0];
    }
  }

 private:
  template <class Work>
  ProfileCurve<Scalar> curve(const Plan& plan, Kernel kernel) const {
    using Machine = gram_detail::StripMachine<Work>;
    constexpr auto length = static_cast<Eigen::Index>(Machine::length);
    const Eigen::MatrixXd x = Eigen::MatrixXd::Constant(length, 1, norm_);
    const auto samples = gram_detail::tabulate<Work>(plan, x);
    Machine machine(plan, samples, samples);
    const double variance = static_cast<double>(samples.scale[0] * samples.scale[0]);
    const auto f = [&](const Eigen::ArrayXd& turns) {
      Eigen::ArrayXd values(turns.size());
      Eigen::Array<Work, Eigen::Dynamic, 1> half(length), complement(length);
      for (Eigen::Index first = 0; first < turns.size(); first += length) {
        const Eigen::Index count = std::min(length, turns.size() - first);
        for (Eigen::Index l = 0; l < length; ++l) {
          const Work quarter =
              std::numbers::pi_v<Work> / 2 * static_cast<Work>(turns[first + std::min(l, count - 1)]);
          const Work sine = std::sin(quarter), cosine = std::sin((std::numbers::pi_v<Work> / 2 - quarter));
          half[l] = sine * sine;
          complement[l] = cosine * cosine;
        }
        machine.run_at(half.data(), complement.data(), static_cast<std::size_t>(length));
        const Work *h = machine.half(plan.result), *t = machine.tangent(plan.result);
        for (Eigen::Index l = 0; l < count; ++l)
          values[first + l] = variance * static_cast<double>(kernel == Kernel::nngp ? 1 - 2 * h[l] : t[l]);
      }
      return values;
    };
    return ProfileCurve<Scalar>(f, tolerance);
  }

  double norm_;
  Radial radial_;
  std::optional<ProfileCurve<Scalar>> nngp_, ntk_;
};

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

}  // namespace sst
