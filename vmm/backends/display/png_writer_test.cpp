#include "vmm/backends/display/png_writer.h"

#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"

#include <QTest>

#include <png.h>

using namespace vivarium;

namespace {

// Decoded as 0x00RRGGBB; empty when it is no PNG of that size.
std::vector<uint32_t> decode(const std::vector<uint8_t>& file, uint32_t width, uint32_t height) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, file.data(), file.size()) ||
        image.width != width || image.height != height)
        return {};
    image.format = PNG_FORMAT_BGRA;
    std::vector<uint32_t> pixels(size_t{width} * height);
    if (!png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr))
        return {};
    for (uint32_t& pixel : pixels)
        pixel &= 0xFFFFFF;
    return pixels;
}

} // namespace

class PngWriterTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pixelsComeBack() {
        constexpr uint32_t kWidth = 37, kHeight = 21, kStride = 50;
        std::vector<uint32_t> picture(kStride * kHeight, 0xFFFFFFFF);
        std::vector<uint32_t> expected;
        for (uint32_t y = 0; y < kHeight; ++y)
            for (uint32_t x = 0; x < kWidth; ++x) {
                uint32_t color = x * 0x060000 + y * 0x000C00 + (x ^ y);
                picture[y * kStride + x] = color | 0xAB000000; // the top byte means nothing
                expected.push_back(color);
            }
        auto png = encodePng(reinterpret_cast<const uint8_t*>(picture.data()), kWidth, kHeight,
                             kStride * 4);
        QVERIFY(png);
        QCOMPARE(decode(*png, kWidth, kHeight), expected);
    }

    void flatPicturesAreSmall() {
        std::vector<uint8_t> picture(1280 * 800 * 4, 0x40);
        auto png = encodePng(picture.data(), 1280, 800, 1280 * 4);
        QVERIFY(png && png->size() < 64 * 1024);
    }

    void impossibleSizesAreRefused() {
        uint8_t pixel[4] = {};
        QCOMPARE(encodePng(pixel, 0, 1, 4).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(encodePng(pixel, 1, 0, 4).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(encodePng(pixel, 2, 1, 4).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(encodePng(pixel, kMaxScanoutWidth + 1, 1, 0xFFFFFFFC).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(encodePng(nullptr, 1, 1, 4).error().code, ErrorCode::InvalidArgument);
        QVERIFY(encodePng(pixel, 1, 1, 4));
    }
};
VIVARIUM_TEST(PngWriterTest)

#include "png_writer_test.moc"
