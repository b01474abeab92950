#include "vmm/firmware/tables/smbios_tables.h"

#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"

#include <QTest>

#include <numeric>

using namespace vivarium;

namespace {

struct Structure {
    uint8_t type;
    uint16_t handle;
    ConstByteSpan formatted;
    std::vector<std::string> strings;
};

// Walks the table as an operating system does; empty on anything malformed. The structures point
// into `table`.
std::vector<Structure> parse(ConstByteSpan table) {
    std::vector<Structure> structures;
    size_t at = 0;
    while (at + 4 <= table.size()) {
        Structure structure{table[at], loadLe<uint16_t>(&table[at + 2]), {}, {}};
        size_t lengthBytes = table[at + 1];
        if (lengthBytes < 4 || !rangeFits(at, lengthBytes + 2, table.size()))
            return {};
        structure.formatted = table.subspan(at, lengthBytes);
        at += lengthBytes;
        while (at < table.size() && table[at] != 0) {
            std::string text;
            while (at < table.size() && table[at] != 0)
                text += static_cast<char>(table[at++]);
            structure.strings.push_back(text);
            ++at;
        }
        at += structure.strings.empty() ? 2 : 1;
        structures.push_back(structure);
    }
    return at == table.size() ? structures : std::vector<Structure>();
}

uint8_t sum(ConstByteSpan bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), uint8_t{0},
                           [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a + b); });
}

SmbiosDescription sample() {
    SmbiosDescription description;
    for (uint8_t i = 0; i < 16; ++i)
        description.uuid[i] = static_cast<uint8_t>(i * 0x11);
    description.serialNumber = "A-1";
    description.sockets = 2;
    description.coresPerSocket = 3;
    description.threadsPerCore = 2;
    description.memoryBelow4GiB = 0xB0000000;
    description.memoryAbove4GiB = (uint64_t{40} << 30) - 0xB0000000;
    return description;
}

std::vector<Structure> ofType(const std::vector<Structure>& all, uint8_t type) {
    std::vector<Structure> found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found),
                 [type](const Structure& s) { return s.type == type; });
    return found;
}

} // namespace

class SmbiosTablesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void anchorDescribesTheTable() {
        SmbiosFiles files = buildSmbiosFiles(sample());
        QCOMPARE(files.anchor.size(), size_t{31});
        QCOMPARE(sum(files.anchor), uint8_t{0});
        QCOMPARE(sum(ConstByteSpan(files.anchor).subspan(16)), uint8_t{0});
        QCOMPARE(size_t{loadLe<uint16_t>(&files.anchor[22])}, files.tables.size());
        QCOMPARE(size_t{loadLe<uint16_t>(&files.anchor[28])}, parse(files.tables).size());
    }

    void requiredStructuresArePresent() {
        SmbiosFiles files = buildSmbiosFiles(sample());
        auto all = parse(files.tables);
        for (uint8_t type : {0, 1, 3, 4, 16, 17, 19, 32, 127})
            QVERIFY2(!ofType(all, type).empty(), QByteArray::number(type).constData());
        QCOMPARE(all.back().type, uint8_t{127});
        QCOMPARE(ofType(all, 4).size(), size_t{2});
        QCOMPARE(ofType(all, 17).size(), size_t{3}); // 16 + 16 + 8 GiB
        QCOMPARE(ofType(all, 19).size(), size_t{2});
        std::vector<uint16_t> handles;
        for (const Structure& structure : all)
            handles.push_back(structure.handle);
        std::sort(handles.begin(), handles.end());
        QVERIFY(std::adjacent_find(handles.begin(), handles.end()) == handles.end());
    }

    void systemCarriesNameAndUuid() {
        SmbiosFiles files = buildSmbiosFiles(sample());
        auto system = ofType(parse(files.tables), 1).front();
        QCOMPARE(system.formatted.size(), size_t{27});
        QCOMPARE(system.strings.front(), std::string("Vivarium"));
        const uint8_t wire[] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66};
        QVERIFY(std::equal(std::begin(wire), std::end(wire), system.formatted.begin() + 8));
        QCOMPARE(system.formatted[16], uint8_t{0x88});
    }

    void processorsHaveCores() {
        SmbiosFiles files = buildSmbiosFiles(sample());
        auto processor = ofType(parse(files.tables), 4).front();
        QCOMPARE(processor.formatted.size(), size_t{42});
        QCOMPARE(processor.formatted[35], uint8_t{3});
        QCOMPARE(processor.formatted[37], uint8_t{6});
    }

    void hugeMemoryIsToldInExtendedFields() {
        SmbiosDescription description = sample();
        description.memoryAbove4GiB = uint64_t{8} << 40;
        SmbiosFiles files = buildSmbiosFiles(description);
        auto all = parse(files.tables);
        auto array = ofType(all, 16).front();
        QCOMPARE(loadLe<uint32_t>(&array.formatted[7]), 0x80000000u);
        QVERIFY(ofType(all, 17).size() <= 64);
        QCOMPARE(loadLe<uint32_t>(&ofType(all, 19).back().formatted[4]), 0xFFFFFFFFu);
    }

    void hostileTextsAreCleaned() {
        SmbiosDescription description = sample();
        description.serialNumber = std::string(1000, 'x') + "\n";
        description.product = std::string("a\0b\n\xC3\xA9", 6);
        SmbiosFiles files = buildSmbiosFiles(description);
        auto system = ofType(parse(files.tables), 1).front();
        QCOMPARE(system.strings[1], std::string("ab"));
        QCOMPARE(system.strings[3], std::string(64, 'x'));
    }

    void tablesAreLaidIntoMemory() {
        auto memory = std::move(*GuestMemory::create(1 << 20));
        QVERIFY(writeSmbiosTables(sample(), memory, 0xF0000, 0x10000));
        auto anchor = *memory.view(0xF0000, 31);
        QCOMPARE(sum(anchor), uint8_t{0});
        auto address = loadLe<uint32_t>(&anchor[24]);
        auto tables = *memory.view(address, loadLe<uint16_t>(&anchor[22]));
        QVERIFY(!parse(tables).empty());
        QCOMPARE(writeSmbiosTables(sample(), memory, 0xF0000, 0x100).error().code,
                 ErrorCode::LimitExceeded);
        QCOMPARE(writeSmbiosTables(sample(), memory, 0xF0004, 0x10000).error().code,
                 ErrorCode::InvalidArgument);
    }
};
VIVARIUM_TEST(SmbiosTablesTest)

#include "smbios_tables_test.moc"
