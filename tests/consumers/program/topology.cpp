// What a project needs to find: the library's headers, Eigen, a language that is new enough, and OpenMP where
// expected.
#define SST_EXTERN_TEMPLATES  // nothing here needs the large templates
#include <iostream>
#include <sst/ntk.hpp>

#ifdef _OPENMP
static_assert(OPENMP_EXPECTED);
#else
static_assert(!OPENMP_EXPECTED);
#endif

int main() {
  const sst::Topology net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  const sst::DataRef rows(Eigen::MatrixXd::Identity(2, 3));
  std::cout << "sst " << SST_VERSION_MAJOR << '.' << SST_VERSION_MINOR << '.' << SST_VERSION_PATCH << ": "
            << net.nodes().size() << " nodes, " << rows.cols() << " features\n";
  return net.nodes().size() == 4 && rows.cols() == 3 ? 0 : 1;
}
