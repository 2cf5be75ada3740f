// SPDX-License-Identifier: MIT
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <jpeglib.h>

#include <sst/error.hpp>
#include <sst/topology/image_shape.hpp>

/// \file
/// JPEG files, by libjpeg.

/// A picture: rows of pixels one after another, red, green and blue of each.
struct Picture {
  sst::ImageShape shape;
  std::vector<unsigned char> pixels;
};

namespace jpeg_detail {

/// Errors of libjpeg, whose function must not return.
struct Errors : jpeg_error_mgr {
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] inline void leave(j_common_ptr info) {
  auto& errors = *static_cast<Errors*>(info->err);
  errors.format_message(info, errors.message);
  std::longjmp(errors.back, 1);
}

/// Warnings say that data are missing or damaged; libjpeg would make up pixels.
inline void take_as_error(j_common_ptr info, int level) {
  if (level < 0) leave(info);
}

/// Nothing here has a destructor: libjpeg leaves it by longjmp. `make_room` gets the shape and returns where
/// the pixels go, or null.
template <class MakeRoom>
bool decode(const unsigned char* bytes, unsigned long size, Errors& errors, const MakeRoom& make_room) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&errors);
  errors.error_exit = leave;
  errors.emit_message = take_as_error;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, size);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  unsigned char* to = make_room(info.image_height, info.image_width);
  if (to != nullptr) {
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = to + std::size_t{3} * info.output_width * info.output_scanline;
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
  }
  jpeg_destroy_decompress(&info);
  return true;
}

}  // namespace jpeg_detail

/// Decodes the bytes of a JPEG file, grey ones as red = green = blue. Throws DataError, with the name, for
/// what is no such file, ends early, is damaged, has colours that are not red, green and blue or grey, and
/// for more than 2^24 pixels.
inline Picture decode_jpeg(const std::string& bytes, const std::string& name) {
  Picture out;
  jpeg_detail::Errors errors{};
  const bool read = jpeg_detail::decode(reinterpret_cast<const unsigned char*>(bytes.data()),
                                        static_cast<unsigned long>(bytes.size()), errors,
                                        [&out](std::size_t height, std::size_t width) -> unsigned char* {
                                          out.shape = {height, width, 3};
                                          if (height * width > std::size_t{1} << 24) return nullptr;
                                          out.pixels.resize(out.shape.size());
                                          return out.pixels.data();
                                        });
  if (!read)
    throw sst::DataError("cannot read '" + name + "' as JPEG (" + errors.message + "); get the file again");
  if (out.pixels.empty())
    throw sst::DataError("cannot read '" + name + "' (its " + to_string(out.shape) +
                         " numbers are no small image); scale it down");
  return out;
}
