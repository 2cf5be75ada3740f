// SPDX-License-Identifier: MIT
//
// What the thread sanitizer has to see and what it must not: with an argument several threads add to one
// number, without one they meet at OpenMP's barriers, of which it knows through the runtime's archer tool.
#include <cstddef>
#include <cstdio>
#include <vector>

int main(int argc, char**) {
  const bool race = argc > 1;
  std::vector<double> values(1000000);
  double sum = 0, raced = 0;
#pragma omp parallel num_threads(2)
  {
#pragma omp for schedule(dynamic)
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = 1;
      if (race) raced += 1;
    }
#pragma omp single
    for (const double value : values) sum += value;
  }
  std::printf("%g %g\n", sum, raced);
}
