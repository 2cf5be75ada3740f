// What the one header has to hold, with its one include: a kernel, a choice, a model, its posterior, classes,
// a file.
#include <filesystem>
#include <iostream>
#include <sst/ntk.hpp>
#include <string>
#include <vector>

int main() {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(40, 2), y = x.col(0) - x.col(1);
  const sst::Topology net = sst::trace([](sst::Node in) { return dense(relu(dense(in))); });
  const sst::Family chain{"chain", [](int depth, const auto& o) { return sst::chain(depth, o); }};
  const auto chosen = sst::choose(x, y, {.families = {chain}, .depths = {2}});
  const auto model = sst::fit(sst::ntk(net), x, y, chosen.ridge);
  const sst::NngpPosterior posterior(sst::nngp(net).matrix(x), y, chosen.ridge);
  const std::vector<std::string> labels{"a", "b", "a", "b"};
  const auto classes = sst::fit_classifier(sst::ntk(net), x.topRows(4), labels, sst::Ridge::relative(1e-3));

  const auto folder = std::filesystem::temp_directory_path() / "sst_front_door_of_one_header";
  std::filesystem::remove_all(folder);
  sst::save_model(folder, model);
  const bool same = sst::load_model(folder).predict(x) == model.predict(x);
  std::filesystem::remove_all(folder);
  std::cout << "sst " << SST_VERSION_MAJOR << '.' << SST_VERSION_MINOR << '.' << SST_VERSION_PATCH << ": "
            << chosen.board.entries.size() << " candidates, " << classes.classes().size() << " classes\n";
  return same && posterior.weights().allFinite() && sst::gram(net, x).ntk.allFinite() ? 0 : 1;
}
