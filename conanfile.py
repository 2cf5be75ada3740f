# SPDX-License-Identifier: MIT
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy, load

required_conan_version = ">=2.0"


class Sst(ConanFile):
    name = "sst"
    description = "Exact NNGP and NTK kernels of infinitely wide networks"
    license = "MIT"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*"
    generators = "CMakeDeps"
    no_copy_source = True

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "include/sst/version.hpp"))
        self.version = ".".join(re.findall(r"#define SST_VERSION_\w+ (\d+)", text))

    def requirements(self):
        self.requires("eigen/[>=3.4.0 <6]", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["SST_BUILD_TESTS"] = False
        toolchain.cache_variables["SST_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["SST_OPENMP"] = False  # the flag is the consumer's choice
        toolchain.generate()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        cmake = CMake(self)
        cmake.configure()
        cmake.install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_target_name", "sst::sst")
        self.cpp_info.set_property("pkg_config_name", "sst")
