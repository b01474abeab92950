#pragma once

#include <QImage>
#include <QRect>
#include <QSize>

#include <cstdint>
#include <vector>

namespace vivarium {

// Scales a guest's picture by area: every pixel of the target is the mean of the guest's pixels
// that it covers. Whole factors therefore repeat pixels exactly, other enlargements stay sharp, and
// in a reduction no thin line is lost. Fixed point, one pass in each direction: a full HD picture
// takes a few milliseconds. A value with scratch memory; any one thread.
class PictureScaler {
public:
    PictureScaler() = default;
    // Both sizes must not be empty.
    PictureScaler(QSize picture, QSize target);

    // Writes `part` of the scaled picture into the upper left corner of `output`, which is a
    // Format_RGB32 image that is large enough. `picture` is of the size given, 32 bits a pixel; its
    // top bytes and changes while it is read do no harm. `part` lies within the target.
    void scale(const QImage& picture, const QRect& part, QImage& output);

private:
    // The guest's pixels behind each pixel of the target, in one direction.
    struct Axis {
        Axis() = default;
        // `lanes`: how often each weight stands there, for a vector instruction to read it.
        Axis(int pictureLength, int targetLength, int lanes);
        int taps = 0;           // weights a target pixel, an even number
        std::vector<int> first; // for each target pixel: the guest's pixel of its first weight
        std::vector<uint16_t> weights; // `taps` times `lanes` for each target pixel; sum 256
    };

    struct WeightedRow {
        const uint32_t* pixels;
        uint16_t weight;
    };

    const uint32_t* scaledRow(const QImage& picture, int row, int left, int width);
    void blendRows(const QImage& picture, int line, const QRect& part, uint32_t* output);

    QSize m_picture;
    Axis m_horizontal;
    Axis m_vertical;
    std::vector<uint32_t> m_padded;            // a row of the picture, at least `taps` long
    std::vector<std::vector<uint32_t>> m_rows; // rows scaled horizontally; row % size is its place
    std::vector<int> m_rowNumbers;             // what m_rows holds; -1: nothing
    std::vector<WeightedRow> m_blended;        // what makes the line at hand
};

} // namespace vivarium
