// SPDX-License-Identifier: MIT
// What the check has to find; faults.txt lists it. Never included.

/// A place for faults.
namespace faults {

struct NoText {
  int member;
};

/// A class.
class Text {
 public:
  Text();
  void method();
  /// No word about what happens to a negative number.
  int risky(int x) {
    if (x < 0) throw x;
    return x;
  }
  /// Either `a` or something else.
  enum class Choice { a, b };
  using Alias = int;
  int first, second = 0;  ///< of a line of two, which share this

 private:
  int hidden_;
};

/// Positive.
inline int checked(int x) {
  detail::require_positive(x);
  return x;
}

/// A product.
MatrixXd product(const MatrixXd& a);

}  // namespace faults
