// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// What all pictures have: their frame, and words and numbers, escaped, measured without a font at hand,
/// broken into lines.

namespace svg {
namespace detail {

/// Text for XML: markup escaped, and what XML 1.0 or UTF-8 does not allow replaced by U+FFFD.
inline std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    bool valid = length > 0 && at + length <= text.size();
    char32_t code = length <= 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; valid && i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      valid = (next & 0xC0U) == 0x80U;
      code = code << 6U | (next & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    valid = valid && code >= least[length] && code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000) &&
            code != 0xFFFE && code != 0xFFFF &&
            (code >= 0x20 || code == '\t' || code == '\n' || code == '\r');
    if (!valid) {
      out += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    switch (code) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += text.substr(at, length);
    }
    at += length;
  }
  return out;
}

/// About how wide a text is in a sans-serif font of one pixel; rather too wide than too narrow.
inline double text_width(std::string_view text) {
  double width = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;
    const bool narrow = std::string_view("iljtfIr.,:;'|!()[] ").find(c) != std::string_view::npos;
    const bool wide = std::string_view("mwMW@%").find(c) != std::string_view::npos;
    width += narrow ? 0.37 : wide ? 0.95 : c >= 'A' && c <= 'Z' ? 0.72 : 0.61;
  }
  return width;
}

/// Breaks a text at blanks into lines of about `width`, measured as `text_width` does.
inline std::vector<std::string> wrap_text(std::string_view text, double width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!lines.empty() && text_width(lines.back()) + text_width(word) + 0.37 <= width) {
      lines.back().append(" ").append(word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

/// A coordinate: two digits behind the point, without trailing zeros.
inline std::string svg_number(double value) {
  std::array<char, 400> text;
  const char* end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 2).ptr;
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  return std::string(digits == "-0" ? "0" : digits);
}

/// A number's text with a minus sign in place of a hyphen.
inline std::string with_minus(std::string text) {
  if (text.starts_with('-')) text.replace(0, 1, "\xE2\x88\x92");
  return text;
}

/// A number with four significant digits.
inline std::string short_number(double value) {
  std::array<char, 32> text;
  return with_minus(
      {text.data(),
       std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 4).ptr});
}

/// Begins a picture on white ground, `width` x `height` pixels; "</svg>" ends it.
inline void open_svg(std::ostream& out, double width, double height, std::string_view title) {
  const std::string w = svg_number(width), h = svg_number(height);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << w << "\" height=\"" << h
      << "\" viewBox=\"0 0 " << w << ' ' << h
      << "\" role=\"img\" font-family=\"'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu "
         "Sans', sans-serif\" fill=\"#222\">\n";
  if (!title.empty()) out << "<title>" << xml_text(title) << "</title>\n";
  out << "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
}

/// Words at (x, y), `anchor` being "start", "middle" or "end"; `exponent` is set above what follows them.
inline void draw_text(std::ostream& out, double x, double y, double size, const char* anchor,
                      std::string_view words, const std::string& attributes = "",
                      const std::string& exponent = "") {
  if (words.empty()) return;
  out << "<text x=\"" << svg_number(x) << "\" y=\"" << svg_number(y) << "\" font-size=\"" << svg_number(size)
      << "\" text-anchor=\"" << anchor << '"' << attributes << '>' << xml_text(words);
  if (!exponent.empty())
    out << "<tspan dy=\"" << svg_number(-0.42 * size) << "\" font-size=\"" << svg_number(0.72 * size) << "\">"
        << exponent << "</tspan>";
  out << "</text>\n";
}

}  // namespace detail
}  // namespace svg
