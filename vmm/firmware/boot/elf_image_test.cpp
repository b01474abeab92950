#include "tests/support/test_main.h"
#include "vmm/firmware/boot/boot_test_images.h"
#include "vmm/firmware/boot/elf_image.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {
constexpr uint64_t kRam = 8 << 20;
}

class ElfImageTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void loadsSegmentsAndZeroesTheRest_data() {
        QTest::addColumn<bool>("wide");
        QTest::newRow("32 bits") << false;
        QTest::newRow("64 bits") << true;
    }
    void loadsSegmentsAndZeroesTheRest() {
        QFETCH(bool, wide);
        std::vector<TestSegment> segments{{0x100000, {1, 2, 3}, 8, 0x80100000},
                                          {0x200000, {9}, 1, 0x80200000}};
        Bytes file = wide ? elf64(0x80100002, segments) : elf32(0x80100002, segments);
        auto elf = ElfImage::parse(file);
        QVERIFY(elf);
        QCOMPARE(elf->entry(), uint64_t{0x80100002});
        QCOMPARE(elf->physicalEntry(), uint64_t{0x100002});
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        QVERIFY(memory->write(0x100000, Bytes(16, 0xFF)));
        auto map = pcMemoryMap(kRam);
        BootLayout layout(*memory, map);
        auto end = elf->load(layout);
        QVERIFY(end);
        QCOMPARE(*end, GuestAddress{0x200001});
        Bytes loaded(9);
        QVERIFY(memory->read(0x100000, loaded));
        QCOMPARE(loaded, (Bytes{1, 2, 3, 0, 0, 0, 0, 0, 0xFF}));
    }

    void findsNotes() {
        Bytes notes = noteBytes("GNU", 18, {1});
        Bytes xen = noteBytes("Xen", 18, {0x10, 0, 0x10, 0});
        notes.insert(notes.end(), xen.begin(), xen.end());
        Bytes file = elf64(0, {{0x100000, {1}, 1, 0}}, notes);
        auto elf = ElfImage::parse(file);
        QVERIFY(elf);
        auto note = elf->findNote("Xen", 18);
        QVERIFY(note);
        QCOMPARE(Bytes(note->begin(), note->end()), (Bytes{0x10, 0, 0x10, 0}));
        QVERIFY(!elf->findNote("Xen", 17));
        QVERIFY(!elf->findNote("Xe", 18));
    }

    void everyTruncationIsRefusedOrHarmless() {
        Bytes file = elf64(0x100000, {{0x100000, Bytes(64, 1), 128, 0x100000}},
                           noteBytes("Xen", 18, {1, 2, 3, 4}));
        for (size_t length = 0; length < file.size(); ++length) {
            auto elf = ElfImage::parse(ConstByteSpan(file).first(length));
            QVERIFY(!elf);
        }
    }

    void hostileFilesAreRefused_data() {
        QTest::addColumn<QByteArray>("file");
        auto row = [](const char* name, Bytes file, auto change) {
            change(file);
            QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(file.data()),
                                              static_cast<qsizetype>(file.size()));
        };
        Bytes good = elf64(0x100000, {{0x100000, {1, 2}, 4, 0x100000}});
        auto header = [](Bytes& f) { return reinterpret_cast<Elf64_Ehdr*>(f.data()); };
        auto program = [](Bytes& f) {
            return reinterpret_cast<Elf64_Phdr*>(f.data() + sizeof(Elf64_Ehdr));
        };
        row("shared object", good, [&](Bytes& f) { header(f)->e_type = ET_DYN; });
        row("other machine", good, [&](Bytes& f) { header(f)->e_machine = EM_ARM; });
        row("big endian", good, [](Bytes& f) { f[EI_DATA] = ELFDATA2MSB; });
        row("unknown class", good, [](Bytes& f) { f[EI_CLASS] = 9; });
        row("header size", good, [&](Bytes& f) { header(f)->e_phentsize = 1; });
        row("no segments", good, [&](Bytes& f) { header(f)->e_phnum = 0; });
        row("too many segments", good, [&](Bytes& f) { header(f)->e_phnum = 0xFFFF; });
        row("headers outside", good, [&](Bytes& f) { header(f)->e_phoff = ~uint64_t{0} - 8; });
        row("bytes outside", good, [&](Bytes& f) { program(f)->p_offset = ~uint64_t{0}; });
        row("more in file", good, [&](Bytes& f) { program(f)->p_memsz = 1; });
        row("wraps", good, [&](Bytes& f) { program(f)->p_paddr = ~uint64_t{0}; });
        row("wraps virtually", good, [&](Bytes& f) { program(f)->p_vaddr = ~uint64_t{0}; });
        row("not ELF", Bytes(4096, 0x41), [](Bytes&) {});
    }
    void hostileFilesAreRefused() {
        QFETCH(QByteArray, file);
        auto bytes = ConstByteSpan(reinterpret_cast<const uint8_t*>(file.constData()),
                                   static_cast<size_t>(file.size()));
        QVERIFY(!ElfImage::parse(bytes));
    }

    void segmentsMustFitAndNotOverlap() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        auto map = pcMemoryMap(kRam);
        for (const auto& segments : std::vector<std::vector<TestSegment>>{
                 {{0x100000, {1}, 0x2000, 0}, {0x101000, {1}, 1, 0}},
                 {{kRam - 1, {1}, 2, 0}},
                 {{0xA0000, {1}, 1, 0}},
                 {{uint64_t{1} << 40, {1}, 1, 0}},
                 {{0x100000, {1}, uint64_t{1} << 50, 0}}}) {
            Bytes file = elf64(0x100000, segments);
            auto elf = ElfImage::parse(file);
            QVERIFY(elf);
            BootLayout layout(*memory, map);
            QVERIFY(!elf->load(layout));
        }
    }
};

class BootLayoutTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void piecesNeverOverlap() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        auto map = pcMemoryMap(kRam);
        BootLayout layout(*memory, map);
        QVERIFY(layout.claim("kernel", 0x200000, 0x100000));
        QVERIFY(!layout.available(0x2FFFFF, 1));
        QVERIFY(layout.available(0x300000, 1));
        auto low = layout.take("a", 0x180000, {.low = 0x100000});
        QVERIFY(low);
        QCOMPARE(*low, GuestAddress{0x300000}); // the gap below the kernel is too small
        auto gap = layout.take("b", 0x1000, {.low = 0x100000, .alignment = 0x1000});
        QVERIFY(gap);
        QCOMPARE(*gap, GuestAddress{0x100000});
        using Preference = BootLayout::Place::Preference;
        auto high = layout.take(
            "c", 0x1800, {.preference = Preference::Highest, .low = 0x100000, .alignment = 0x1000});
        QVERIFY(high);
        QCOMPARE(*high, GuestAddress{kRam - 0x2000});
        auto next = layout.take(
            "d", 0x1000, {.preference = Preference::Highest, .low = 0x100000, .alignment = 0x1000});
        QVERIFY(next);
        QCOMPARE(*next, GuestAddress{kRam - 0x3000});
        QVERIFY(!layout.take("e", kRam, {}));
        QVERIFY(!layout.take("f", 1, {.low = 0xA0000, .high = 0x100000}));
    }

    void stringsEndOnce() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        auto map = pcMemoryMap(kRam);
        BootLayout layout(*memory, map);
        auto address = layout.putString("text", "quiet");
        QVERIFY(address);
        QVERIFY(*address >= 0x1000);
        Bytes bytes(6);
        QVERIFY(memory->read(*address, bytes));
        QCOMPARE(bytes, (Bytes{'q', 'u', 'i', 'e', 't', 0}));
        QVERIFY(!layout.putString("text", std::string("a\0b", 3)));
    }
};

VIVARIUM_TEST(ElfImageTest)
VIVARIUM_TEST(BootLayoutTest)
#include "elf_image_test.moc"
