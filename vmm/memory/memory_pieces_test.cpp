#include "vmm/memory/memory_pieces.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <array>
#include <numeric>

using namespace vivarium;

class MemoryPiecesTest : public QObject {
    Q_OBJECT

    std::array<uint8_t, 10> m_bytes{};
    // 3, 0 and 5 bytes: 0 1 2, nothing, 5 6 7 8 9.
    std::vector<iovec> m_pieces;

private Q_SLOTS:
    void init() {
        std::iota(m_bytes.begin(), m_bytes.end(), uint8_t{0});
        m_pieces = {{&m_bytes[0], 3}, {&m_bytes[4], 0}, {&m_bytes[5], 5}};
    }

    void piecesAreOneRowOfBytes() {
        std::array<uint8_t, 4> out{};
        QCOMPARE(readPieces(m_pieces, 1, out), uint64_t{4});
        QCOMPARE(out, (std::array<uint8_t, 4>{1, 2, 5, 6}));
        QCOMPARE(readPieces(m_pieces, 6, out), uint64_t{2}); // to the end
        QCOMPARE(out, (std::array<uint8_t, 4>{8, 9, 5, 6}));
        QCOMPARE(readPieces(m_pieces, 8, out), uint64_t{0});
        QCOMPARE(readPieces(m_pieces, UINT64_MAX, out), uint64_t{0});
        QCOMPARE(readPieces({}, 0, out), uint64_t{0});
    }

    void writesGoWhereReadsComeFrom() {
        const std::array<uint8_t, 3> in{0xA, 0xB, 0xC};
        QCOMPARE(writePieces(m_pieces, 2, in), uint64_t{3});
        QCOMPARE(m_bytes, (std::array<uint8_t, 10>{0, 1, 0xA, 3, 4, 0xB, 0xC, 7, 8, 9}));
        QCOMPARE(writePieces(m_pieces, 7, in), uint64_t{1});
        QCOMPARE(m_bytes[9], uint8_t{0xA});
    }

    void partsBeginAndEndAnywhere() {
        const auto rest = piecesFrom(m_pieces, 4);
        QCOMPARE(rest.size(), size_t{1});
        QCOMPARE(rest[0].iov_base, static_cast<void*>(&m_bytes[6]));
        QCOMPARE(rest[0].iov_len, size_t{4});
        QCOMPARE(piecesFrom(m_pieces, 1).size(), size_t{2});
        QVERIFY(piecesFrom(m_pieces, 8).empty());
        const auto middle = piecesFrom(m_pieces, 1, 3);
        QCOMPARE(middle.size(), size_t{2});
        QCOMPARE(middle[0].iov_len, size_t{2});
        QCOMPARE(middle[1].iov_base, static_cast<void*>(&m_bytes[5]));
        QCOMPARE(middle[1].iov_len, size_t{1});
        QVERIFY(piecesFrom(m_pieces, 1, 0).empty());
    }
};
VIVARIUM_TEST(MemoryPiecesTest)

#include "memory_pieces_test.moc"
