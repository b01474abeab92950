#include "core/snapshots/thumbnail.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <png.h>

namespace vivarium {

namespace {

constexpr uint32_t kMaxScreenPixels = 16384; // a side
constexpr size_t kChannels = 3;

struct Picture {
    uint32_t width = 0, height = 0;
    std::vector<uint8_t> bytes; // RGB, no padding
};

Error damaged(const png_image& image) {
    return fail(ErrorCode::Corrupt,
                std::string("The guest's picture cannot be read: ") + image.message + ".");
}

Result<Picture> decode(const QByteArray& file) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, file.constData(),
                                          static_cast<size_t>(file.size())))
        return damaged(image);
    if (image.width == 0 || image.height == 0 || image.width > kMaxScreenPixels ||
        image.height > kMaxScreenPixels) {
        png_image_free(&image);
        return fail(ErrorCode::Corrupt, "The guest's picture has an impossible size.");
    }
    image.format = PNG_FORMAT_RGB;
    Picture picture{image.width, image.height,
                    std::vector<uint8_t>(size_t{image.width} * image.height * kChannels)};
    if (!png_image_finish_read(&image, nullptr, picture.bytes.data(), 0, nullptr))
        return damaged(image);
    return picture;
}

// Each pixel is the mean of those that it stands for.
Picture shrink(const Picture& from, uint32_t width, uint32_t height) {
    Picture to{width, height, std::vector<uint8_t>(size_t{width} * height * kChannels)};
    uint8_t* out = to.bytes.data();
    for (uint32_t y = 0; y < height; ++y) {
        const size_t top = size_t{y} * from.height / height;
        const size_t bottom = std::max(size_t{y + 1} * from.height / height, top + 1);
        for (uint32_t x = 0; x < width; ++x) {
            const size_t left = size_t{x} * from.width / width;
            const size_t right = std::max(size_t{x + 1} * from.width / width, left + 1);
            uint64_t sums[kChannels] = {};
            for (size_t row = top; row < bottom; ++row)
                for (size_t column = left; column < right; ++column)
                    for (size_t c = 0; c < kChannels; ++c)
                        sums[c] += from.bytes[(row * from.width + column) * kChannels + c];
            const size_t count = (bottom - top) * (right - left);
            for (const uint64_t sum : sums)
                *out++ = static_cast<uint8_t>(sum / count);
        }
    }
    return to;
}

Result<QByteArray> encode(const Picture& picture) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    QByteArray file(static_cast<qsizetype>(size), Qt::Uninitialized);
    if (!png_image_write_to_memory(&image, file.data(), &size, 0, picture.bytes.data(), 0, nullptr))
        return damaged(image);
    file.truncate(static_cast<qsizetype>(size));
    return file;
}

} // namespace

Result<QByteArray> makeThumbnail(const QByteArray& screenshot) {
    const Picture picture = TRY(decode(screenshot));
    const uint32_t longer = std::max(picture.width, picture.height);
    if (longer <= kThumbnailPixels)
        return encode(picture);
    const auto scaled = [longer](uint32_t side) {
        return std::max<uint32_t>(
            1, static_cast<uint32_t>(uint64_t{side} * kThumbnailPixels / longer));
    };
    return encode(shrink(picture, scaled(picture.width), scaled(picture.height)));
}

} // namespace vivarium
