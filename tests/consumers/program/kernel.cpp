#include <sst/ntk.hpp>

// The second translation unit that includes the library.
double kernel_of_orthogonal_rows() {
  const sst::Topology net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  const Eigen::MatrixXd x{{1.0, 0.0}, {0.0, 1.0}};
  return sst::gram(net, x).ntk(0, 1);
}
