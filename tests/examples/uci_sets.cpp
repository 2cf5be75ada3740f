// SPDX-License-Identifier: MIT
#include "../../examples/uci_sets.hpp"

#include <string>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

namespace uci_sets_tests {

using Catch::Matchers::Contains;
using Rows = std::vector<Eigen::Index>;

/// Six rows of two classes.
struct Made {
  sst_test::Folder folder;
  Made() {
    std::filesystem::create_directory(folder.path / "made");
    write(".txt",
          "n_entradas= 2\nn_clases= 2\nn_arquivos= 1\nfich1= made_R.dat\nn_patrons1= 6\nn_conxuntos= 1\n");
    write("_R.dat",
          "\tf1\tf2\tclase\n1\t-1\t0.5\t0\n2\t1e-1\t2\t1\n3\t0\t0\t0\n4\t3\t4\t1\n5\t5\t6\t0\n6\t7\t8\t1\n");
    write("conxuntos.dat", "0 3 4 \r\n1 2 5 \r\n\n");
    write("conxuntos_kfold.dat", "0 1 2 3\n4 5\n2 3 4 5\n0 1\n0 1 4 5\n2 3\n1 2 3 4\n5 0\n");
  }
  void write(const std::string& end, const std::string& bytes) const {
    const bool own_name = end[0] == '.' || end[0] == '_';
    folder.write("made/" + (own_name ? "made" + end : end), bytes);
  }
  std::string problem() const {
    return sst_test::error_message<sst::DataError>([&] { program::read_uci_set(folder.path, "made"); });
  }
};

TEST_CASE("a UCI set is what its four files say", "[examples][uci_sets]") {
  const Made made;
  CHECK(program::uci_names(made.folder.path) == std::vector<std::string>{"made"});
  const program::UciSet set = program::read_uci_set(made.folder.path, "made");
  CHECK(set.name == "made");
  CHECK(set.classes == 2);
  CHECK(set.labels == std::vector<int>{0, 1, 0, 1, 0, 1});
  Eigen::MatrixXd x(6, 2);
  x << -1, 0.5, 0.1, 2, 0, 0, 3, 4, 5, 6, 7, 8;
  CHECK(set.x == x);
  CHECK(set.halves.train == Rows{0, 3, 4});
  CHECK(set.halves.test == Rows{1, 2, 5});
  CHECK(set.folds[1].train == Rows{2, 3, 4, 5});
  CHECK(set.folds[3].test == Rows{5, 0});
}

TEST_CASE("a UCI set that is damaged is refused, with the file and the line", "[examples][uci_sets]") {
  const auto [end, bytes, problem] = GENERATE(table<std::string, std::string, std::string>({
      {".txt", "n_entradas 2\n", "made.txt' (line 1 is not of the form 'name= value')"},
      {".txt", "n_clases= two\n", "made.txt' (line 1 has 'two', which is no integer)"},
      {".txt", "n_clases= 2\nn_patrons1= 6\nn_entradas= 2\n", "made.txt' (it has no 'fich1=')"},
      {".txt", "fich1= made_R.dat\nn_patrons1= 6\n", "made.txt' (it has no 'n_clases=')"},
      {".txt", "fich1= made_R.dat\nn_clases= 1\n", "made.txt' ('n_clases=' is 1, less than 2)"},
      {".txt", "fich1= made_R.dat\nfich2= made_test_R.dat\n", "'made' has test rows of its own"},
      {"_R.dat", "f1 f2 clase\n1 2 3\n", "made_R.dat' (line 2 has 3 fields"},
      {"_R.dat", "f1 f2 clase\n1 2 x 0\n", "made_R.dat' (line 2 has 'x', which is no finite number)"},
      {"_R.dat", "f1 f2 clase\n\n1 2 nan 0\n", "made_R.dat' (line 3 has 'nan', which is no finite number)"},
      {"_R.dat", "f1 f2 clase\n1 2 3 2\n", "made_R.dat' (line 2 has class 2 of 2, counted from 0)"},
      {"_R.dat", "f1 f2 clase\n1 2 3 0.5\n", "made_R.dat' (line 2 has '0.5', which is no integer)"},
      {"_R.dat", "f1 f2 clase\n1 2 3 0\n", "made_R.dat' (it has 1 rows of 6)"},
      {"_R.dat", "f\n1 2 3 0\n2 2 3 0\n3 2 3 0\n4 2 3 0\n5 2 3 0\n6 2 3 0\n7 2 3 0\n",
       "made_R.dat' (line 8 is row 7 of 6)"},
      {"conxuntos.dat", "0 1 2\n", "conxuntos.dat' (it has fewer than 2 lists of rows)"},
      {"conxuntos.dat", "0 1\n2 3\n4 5\n", "conxuntos.dat' (line 3 is one more than 2 lists of rows)"},
      {"conxuntos.dat", "0 1\n2 6\n", "conxuntos.dat' (line 2 has row 6 of 6, counted from 0)"},
      {"conxuntos.dat", "0 1\n1 2\n", "conxuntos.dat' (line 2 has row 1, which this split has already)"},
      {"conxuntos_kfold.dat", "0 1\n2 3\n0 -1\n", "conxuntos_kfold.dat' (line 3 has row -1 of 6"},
  }));
  Made made;
  made.write(end, bytes);
  CHECK_THAT(made.problem(), Contains(problem));
}

TEST_CASE("a folder without UCI sets is refused", "[examples][uci_sets]") {
  const Made made;
  const auto problem = [](const std::filesystem::path& folder) {
    return sst_test::error_message<sst::DataError>([&] { program::uci_names(folder); });
  };
  CHECK_THAT(problem(made.folder.path / "made"), Contains("has no data sets"));
  CHECK_THAT(problem(made.folder.path / "none"), Contains("cannot read the folder"));
  std::filesystem::remove(made.folder.path / "made" / "conxuntos.dat");
  CHECK_THAT(made.problem(), Contains("conxuntos.dat'"));
}

}  // namespace uci_sets_tests
