#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;

namespace {

enum class Colour : uint16_t { Red = 1, Green = 0x1234 };

struct Fields {
    uint8_t byte = 0xAB;
    int64_t negative = -5;
    bool flag = true;
    Colour colour = Colour::Green;
    std::array<uint32_t, 3> numbers{1, 2, 0xFFFFFFFF};
    std::array<std::array<bool, 2>, 2> nested{{{true, false}, {false, true}}};
    std::vector<uint8_t> bytes{9, 8, 7};
    std::string text = "text";
    bool operator==(const Fields&) const = default;
};

void write(StateWriter& writer, const Fields& f) {
    writer.fields(f.byte, f.negative, f.flag, f.colour, f.numbers, f.nested, f.bytes, f.text);
}

Result<void> read(StateReader& reader, Fields& f) {
    return reader.fields(f.byte, f.negative, f.flag, f.colour, f.numbers, f.nested, f.bytes,
                         f.text);
}

Fields emptyFields() {
    return {0, 0, false, Colour::Red, {}, {}, {}, {}};
}

std::vector<uint8_t> sample() {
    StateWriter writer;
    writer.beginSection("rtc", 3);
    write(writer, Fields());
    writer.beginSection("empty", 1);
    writer.beginSection("uart", 1);
    writer.fields(uint32_t{77});
    return writer.finish();
}

// Everything that a machine would do with a state; whether it all succeeded.
bool readAll(ConstByteSpan bytes) {
    auto reader = StateReader::open(bytes);
    Fields fields;
    uint32_t number = 0;
    return reader && reader->enterSection("rtc", 3) && reader->sectionVersion() == 3 &&
           read(*reader, fields) && reader->enterSection("empty", 1) &&
           reader->remainingBytes() == 0 && reader->enterSection("uart", 1) &&
           reader->fields(number) && fields == Fields() && number == 77;
}

} // namespace

class SnapshotTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void roundTrip() {
        auto bytes = sample();
        QVERIFY(readAll(bytes));
        QCOMPARE(std::string(bytes.begin(), bytes.begin() + 8), std::string("VVSTATE1"));
    }

    void sectionsAreFoundInAnyOrder() {
        auto bytes = sample();
        auto reader = std::move(*StateReader::open(bytes));
        uint32_t number = 0;
        QVERIFY(reader.enterSection("uart", 1));
        QVERIFY(reader.fields(number));
        Fields fields = emptyFields();
        QVERIFY(reader.enterSection("rtc", 5));
        QCOMPARE(reader.sectionVersion(), 3u);
        QVERIFY(read(reader, fields));
        QVERIFY(fields == Fields());
        QCOMPARE(reader.remainingBytes(), size_t(0));
    }

    void missingSectionIsNamed() {
        auto bytes = sample();
        auto reader = std::move(*StateReader::open(bytes));
        auto result = reader.enterSection("i8042", 1);
        QCOMPARE(result.error().code, ErrorCode::NotFound);
        QVERIFY(result.error().detail.find("i8042") != std::string::npos);
        uint8_t byte;
        QVERIFY(!reader.fields(byte));
    }

    void newerVersionIsNamed() {
        auto bytes = sample();
        auto reader = std::move(*StateReader::open(bytes));
        auto result = reader.enterSection("rtc", 2);
        QCOMPARE(result.error().code, ErrorCode::Unsupported);
        QVERIFY(result.error().detail.find("rtc") != std::string::npos);
        uint8_t byte;
        QVERIFY(!reader.fields(byte));
    }

    void newerFormatIsRefused() {
        auto bytes = sample();
        bytes[8] = 2;
        QCOMPARE(StateReader::open(bytes).error().code, ErrorCode::Unsupported);
    }

    void foreignFilesAreRefused() {
        QCOMPARE(StateReader::open({}).error().code, ErrorCode::Corrupt);
        std::vector<uint8_t> text(100, 'x');
        QCOMPARE(StateReader::open(text).error().code, ErrorCode::Corrupt);
    }

    void readingPastASectionFails() {
        auto bytes = sample();
        auto reader = std::move(*StateReader::open(bytes));
        QVERIFY(reader.enterSection("uart", 1));
        uint64_t tooWide;
        QCOMPARE(reader.fields(tooWide).error().code, ErrorCode::Corrupt);
        QVERIFY(reader.enterSection("empty", 1));
        uint8_t byte;
        QVERIFY(!reader.fields(byte));
    }

    void hostileLengthsInsideAreRefused() {
        StateWriter writer;
        writer.beginSection("device", 1);
        writer.fields(uint32_t{0xFFFFFFFF}, uint8_t{1});
        auto bytes = writer.finish();
        auto reader = std::move(*StateReader::open(bytes));
        QVERIFY(reader.enterSection("device", 1));
        std::vector<uint8_t> vector;
        QVERIFY(!reader.fields(vector));
        QVERIFY(reader.enterSection("device", 1));
        std::string text;
        QVERIFY(!reader.fields(text));
        QVERIFY(reader.enterSection("device", 1));
        uint32_t number;
        bool flag;
        QVERIFY(reader.fields(number, flag));
    }

    void boolsAreZeroOrOne() {
        StateWriter writer;
        writer.beginSection("device", 1);
        writer.fields(uint8_t{2});
        auto bytes = writer.finish();
        auto reader = std::move(*StateReader::open(bytes));
        QVERIFY(reader.enterSection("device", 1));
        bool flag;
        QCOMPARE(reader.fields(flag).error().code, ErrorCode::Corrupt);
    }

    void everyTruncationIsNoticed() {
        auto bytes = sample();
        for (size_t length = 0; length < bytes.size(); ++length)
            QVERIFY(!readAll(ConstByteSpan(bytes).first(length)));
    }

    void everyBitFlipIsNoticed() {
        auto bytes = sample();
        for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
            QVERIFY2(!readAll(bytes), qPrintable(QString::number(bit)));
            bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
        }
        QVERIFY(readAll(bytes));
    }

    void aDamagedVersionIsNotTakenForANewerOne() {
        auto bytes = sample();
        bytes[8 + 4 + 4 + 3] ^= 0x10; // section version, after magic, format, name length, "rtc"
        auto reader = std::move(*StateReader::open(bytes));
        QCOMPARE(reader.enterSection("rtc", 3).error().code, ErrorCode::Corrupt);
    }
};
VIVARIUM_TEST(SnapshotTest)

#include "snapshot_test.moc"
