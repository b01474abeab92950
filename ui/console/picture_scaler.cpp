#include "ui/console/picture_scaler.h"

#include <algorithm>
#include <cmath>

#include <emmintrin.h>

namespace vivarium {

namespace {

constexpr int kWeightOne = 256;
constexpr int kWeightBits = 8;
constexpr uint32_t kOpaque = 0xff000000;
constexpr int kLanes = 4; // colours of a pixel
// Rows are blended so many pixels at a time, and are that much longer than they need to be.
constexpr int kBlendedPixels = 4;

// A byte times kWeightOne, and the rounding, fit into the 16 bits of a lane.
__m128i rounded(__m128i sums) {
    return _mm_srli_epi16(_mm_add_epi16(sums, _mm_set1_epi16(kWeightOne / 2)), kWeightBits);
}

// Two pixels side by side, each colour times its weight.
__m128i weighted(const uint32_t* pixels, const uint16_t* weights) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(pixels));
    const __m128i factors = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights));
    return _mm_mullo_epi16(_mm_unpacklo_epi8(bytes, _mm_setzero_si128()), factors);
}

} // namespace

PictureScaler::Axis::Axis(int pictureLength, int targetLength, int lanes) {
    const double span = static_cast<double>(pictureLength) / targetLength;
    taps = static_cast<int>(std::ceil(span)) + 1;
    taps += taps % 2;
    first.reserve(static_cast<size_t>(targetLength));
    weights.reserve(static_cast<size_t>(targetLength) * static_cast<size_t>(taps * lanes));
    for (int i = 0; i < targetLength; ++i) {
        const double begin = i * span;
        const double end = std::min(begin + span, static_cast<double>(pictureLength));
        // The weights stay inside the picture where it is long enough for them.
        const int start = std::clamp(static_cast<int>(begin), 0, std::max(0, pictureLength - taps));
        first.push_back(start);
        // Rounding the running sum, not each weight, makes all of them add up to exactly one.
        int given = 0;
        for (int tap = 0; tap < taps; ++tap) {
            const double covered = std::clamp(start + tap + 1.0, begin, end) - begin;
            const int sum = static_cast<int>(std::lround(covered / (end - begin) * kWeightOne));
            weights.insert(weights.end(), static_cast<size_t>(lanes),
                           static_cast<uint16_t>(sum - given));
            given = sum;
        }
    }
}

PictureScaler::PictureScaler(QSize picture, QSize target)
    : m_picture(picture), m_horizontal(picture.width(), target.width(), kLanes),
      m_vertical(picture.height(), target.height(), 1),
      m_padded(static_cast<size_t>(std::max(picture.width(), m_horizontal.taps))),
      m_rows(static_cast<size_t>(m_vertical.taps)),
      m_rowNumbers(static_cast<size_t>(m_vertical.taps), -1) {}

const uint32_t* PictureScaler::scaledRow(const QImage& picture, int row, int left, int width) {
    const size_t place = static_cast<size_t>(row) % m_rows.size();
    std::vector<uint32_t>& scaled = m_rows[place];
    if (m_rowNumbers[place] == row)
        return scaled.data();
    m_rowNumbers[place] = row;
    scaled.resize(static_cast<size_t>(width + kBlendedPixels));
    const auto* pixels = reinterpret_cast<const uint32_t*>(picture.constScanLine(row));
    if (m_picture.width() < m_horizontal.taps) { // weights of what lies beyond the edge are 0
        std::copy_n(pixels, m_picture.width(), m_padded.begin());
        pixels = m_padded.data();
    }
    const int taps = m_horizontal.taps;
    const int* first = m_horizontal.first.data() + left;
    const uint16_t* weights = m_horizontal.weights.data() + ptrdiff_t{left} * taps * kLanes;
    for (int x = 0; x < width; x += 2) { // the last of an odd width is made twice
        const int other = std::min(x + 1, width - 1);
        __m128i a = _mm_setzero_si128(), b = a;
        for (int tap = 0; tap < taps; tap += 2) {
            a = _mm_add_epi16(a, weighted(pixels + first[x] + tap,
                                          weights + (ptrdiff_t{x} * taps + tap) * kLanes));
            b = _mm_add_epi16(b, weighted(pixels + first[other] + tap,
                                          weights + (ptrdiff_t{other} * taps + tap) * kLanes));
        }
        const __m128i sums = _mm_add_epi16(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(scaled.data() + x),
                         _mm_packus_epi16(rounded(sums), _mm_setzero_si128()));
    }
    return scaled.data();
}

void PictureScaler::blendRows(const QImage& picture, int line, const QRect& part,
                              uint32_t* output) {
    const int width = part.width();
    const int taps = m_vertical.taps;
    const int first = m_vertical.first[static_cast<size_t>(line)];
    const uint16_t* weights = m_vertical.weights.data() + ptrdiff_t{line} * taps;
    m_blended.clear();
    for (int tap = 0; tap < taps; ++tap)
        if (weights[tap] != 0)
            m_blended.push_back(
                {scaledRow(picture, first + tap, part.left(), width), weights[tap]});
    if (m_blended.size() == 1) {
        const uint32_t* row = m_blended.front().pixels;
        for (int x = 0; x < width; ++x)
            output[x] = row[x] | kOpaque;
        return;
    }
    const __m128i zero = _mm_setzero_si128();
    const __m128i opaque = _mm_set1_epi32(static_cast<int>(kOpaque));
    for (int x = 0; x < width; x += kBlendedPixels) {
        __m128i low = zero, high = zero;
        for (const WeightedRow& row : m_blended) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row.pixels + x));
            const __m128i factor = _mm_set1_epi16(static_cast<int16_t>(row.weight));
            low = _mm_add_epi16(low, _mm_mullo_epi16(_mm_unpacklo_epi8(bytes, zero), factor));
            high = _mm_add_epi16(high, _mm_mullo_epi16(_mm_unpackhi_epi8(bytes, zero), factor));
        }
        const __m128i pixels = _mm_or_si128(_mm_packus_epi16(rounded(low), rounded(high)), opaque);
        if (width - x >= kBlendedPixels) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(output + x), pixels);
        } else {
            uint32_t last[kBlendedPixels];
            _mm_storeu_si128(reinterpret_cast<__m128i*>(last), pixels);
            std::copy_n(last, width - x, output + x);
        }
    }
}

void PictureScaler::scale(const QImage& picture, const QRect& part, QImage& output) {
    std::fill(m_rowNumbers.begin(), m_rowNumbers.end(), -1);
    for (int y = 0; y < part.height(); ++y)
        blendRows(picture, part.top() + y, part, reinterpret_cast<uint32_t*>(output.scanLine(y)));
}

} // namespace vivarium
