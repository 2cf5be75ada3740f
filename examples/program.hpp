// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

/// What our programs share: run `body` once the options are read. Exit status 0; 2 for a wrong
/// option, with the usage on standard error; 1 for anything else, with one line on standard error.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body&& body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);  // --help
    std::cerr << app.get_name() << ": " << error.what() << "\n\n" << app.help();
    return 2;
  }
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::string line = error.what();
    for (char& c : line)
      if (c == '\n' || c == '\r') c = ' ';
    std::cerr << app.get_name() << ": " << line << '\n';
    return 1;
  }
}
