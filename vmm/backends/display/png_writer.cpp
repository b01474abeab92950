#include "vmm/backends/display/png_writer.h"

#include "vmm/base/bytes.h"

#include <csetjmp>
#include <new>
#include <string>

#include <png.h>

namespace vivarium {

namespace {

constexpr int kFastest = 1;

// What libpng's callbacks know. The encoder must not throw through libpng.
struct Sink {
    std::vector<uint8_t> bytes;
    std::vector<uint8_t> line;
    std::string error;
    bool full = false;
};

void writeBytes(png_structp png, png_bytep data, size_t length) {
    auto* sink = static_cast<Sink*>(png_get_io_ptr(png));
    try {
        sink->bytes.insert(sink->bytes.end(), data, data + length);
    } catch (const std::bad_alloc&) {
        sink->full = true;
    }
    if (sink->full)
        png_error(png, "out of memory");
}

void flushBytes(png_structp) {}

[[noreturn]] void failed(png_structp png, png_const_charp message) {
    static_cast<Sink*>(png_get_error_ptr(png))->error = message;
    png_longjmp(png, 1);
}

void warned(png_structp, png_const_charp) {}

void toRgb(const uint8_t* pixels, uint32_t width, uint8_t* rgb) {
    for (uint32_t x = 0; x < width; ++x, rgb += 3) {
        auto pixel = loadLe<uint32_t>(pixels + size_t{x} * 4);
        rgb[0] = static_cast<uint8_t>(pixel >> 16);
        rgb[1] = static_cast<uint8_t>(pixel >> 8);
        rgb[2] = static_cast<uint8_t>(pixel);
    }
}

// longjmp comes back here: nothing with a destructor may live in this frame.
bool writePicture(png_structp png, png_infop info, Sink& sink, const uint8_t* pixels,
                  uint32_t width, uint32_t height, uint32_t strideBytes) {
    if (setjmp(png_jmpbuf(png))) // NOLINT(cert-err52-cpp): libpng's way to report errors
        return false;
    png_set_write_fn(png, &sink, writeBytes, flushBytes);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, kFastest);
    // Screens are flat areas: the line above predicts them well and costs one subtraction.
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; ++y) {
        toRgb(pixels + size_t{y} * strideBytes, width, sink.line.data());
        png_write_row(png, sink.line.data());
    }
    png_write_end(png, info);
    return true;
}

} // namespace

Result<std::vector<uint8_t>> encodePng(const uint8_t* pixels, uint32_t width, uint32_t height,
                                       uint32_t strideBytes) {
    if (!pixels || width == 0 || width > kMaxScanoutWidth || height == 0 ||
        height > kMaxScanoutHeight || strideBytes / 4 < width)
        return fail(ErrorCode::InvalidArgument, "picture size is out of range");
    Sink sink;
    sink.line.resize(size_t{width} * 3);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, failed, warned);
    png_infop info = png ? png_create_info_struct(png) : nullptr;
    bool written = info && writePicture(png, info, sink, pixels, width, height, strideBytes);
    png_destroy_write_struct(&png, &info);
    if (!written)
        return fail(ErrorCode::Internal, "cannot write the picture as PNG: " + sink.error);
    return std::move(sink.bytes);
}

} // namespace vivarium
