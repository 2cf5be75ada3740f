// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

/// \file
/// Looking into the SVG files that the tests of pictures write.

namespace xml_test {

/// The elements of one name, each as the text between < and >.
inline std::vector<std::string> elements(const std::string& xml, const std::string& name) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = xml.find("<" + name + " ", at)) != std::string::npos; ++at)
    out.push_back(xml.substr(at + 1, xml.find('>', at) - at - 1));
  return out;
}

/// The value of an attribute; empty where there is none.
inline std::string attribute(const std::string& element, const std::string& name) {
  const std::size_t at = element.find(" " + name + "=\"");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 3;
  return element.substr(begin, element.find('"', begin) - begin);
}
inline double number(const std::string& element, const std::string& name) {
  return std::atof(attribute(element, name).c_str());
}

/// Whether all elements are closed in order, attributes quoted and markup escaped.
inline bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < xml.size(); ++at) {
    if (xml[at] == '>') return false;
    if (xml[at] == '&') {
      const std::size_t end = xml.find(';', at);
      if (end == std::string::npos || end - at > 6) return false;
    }
    if (xml[at] != '<') continue;
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      roots += open.empty();
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    at = end;
  }
  return open.empty() && roots == 1;
}

}  // namespace xml_test
