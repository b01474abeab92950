#include "tests/support/test_main.h"
#include "vmm/firmware/boot/boot_test_images.h"
#include "vmm/firmware/boot/linux_boot.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {
constexpr uint64_t kRam = 64 << 20;

std::string stringAt(const GuestMemory& memory, GuestAddress address) {
    std::string text;
    while (auto c = memory.readObject<char>(address + text.size())) {
        if (*c == 0)
            return text;
        text += *c;
    }
    return "(not terminated)";
}
} // namespace

class LinuxBootTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void bzImageIsLoadedByTheProtocol() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x3000);
        Bytes initrd(5000, 0x77);
        auto registers = loadKernel(
            {.kernel = kernel, .initrd = initrd, .commandLine = "console=ttyS0", .modules = {}},
            {pcMemoryMap(kRam), 0xE1230}, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());

        QCOMPARE(registers->rip, uint64_t{0x1000200}); // preferred address + 64-bit entry
        QCOMPARE(registers->rflags, uint64_t{2});
        QCOMPARE(registers->cs.selector, uint16_t{0x10});
        QCOMPARE(registers->ds.selector, uint16_t{0x18});
        QCOMPARE(registers->cs.attributes, uint16_t{0xA09B});
        QCOMPARE(registers->efer, uint64_t{0x500});
        QCOMPARE(registers->cr0 & 0x80000001, uint64_t{0x80000001});
        QCOMPARE(memory->readObject<uint8_t>(0x1000000), uint8_t{0xCC});

        const GuestAddress params = registers->rsi;
        auto word = [&](uint64_t offset) { return *memory->readObject<uint32_t>(params + offset); };
        QCOMPARE(word(0x202), 0x53726448u);
        QCOMPARE(memory->readObject<uint8_t>(params + 0x210), uint8_t{0xFF});
        QCOMPARE(memory->readObject<uint8_t>(params + 0x270), uint8_t{0}); // behind the header
        QCOMPARE(memory->readObject<uint8_t>(params + 0x1EF), uint8_t{0}); // sentinel
        QCOMPARE(memory->readObject<uint64_t>(params + 0x070), uint64_t{0xE1230});
        QCOMPARE(stringAt(*memory, word(0x228)), std::string("console=ttyS0"));
        QCOMPARE(word(0x21C), 5000u);
        QCOMPARE(word(0x218), static_cast<uint32_t>(kRam - 8192)); // as high as it fits
        QCOMPARE(memory->readObject<uint8_t>(kRam - 8192 + 4999), uint8_t{0x77});
        QCOMPARE(memory->readObject<uint8_t>(params + 0x1E8), uint8_t{3});
        QCOMPARE(memory->readObject<uint64_t>(params + 0x2D0 + 20), uint64_t{0x9FC00});
        QCOMPARE(word(0x2D0 + 36), 2u); // reserved

        // Page tables: the kernel's page and the last below 4 GiB map to themselves.
        for (uint64_t address : {uint64_t{0x1000000}, uint64_t{0xFFE00000}}) {
            auto l4 = memory->readObject<uint64_t>(registers->cr3);
            auto l3 = memory->readObject<uint64_t>((*l4 & ~0xFFFull) + (address >> 30) * 8);
            auto l2 = memory->readObject<uint64_t>((*l3 & ~0xFFFull) + (address >> 21 & 511) * 8);
            QCOMPARE(*l2, address | 0x83);
        }
        // The descriptor that CS was loaded from.
        QCOMPARE(memory->readObject<uint64_t>(registers->gdt.base + 0x10),
                 uint64_t{0x00AF9B000000FFFF});
    }

    // Documentation/arch/x86/boot.rst, 32-bit boot protocol.
    void aKernelWithout64BitEntryStartsInProtectedMode_data() {
        QTest::addColumn<int>("version");
        QTest::addColumn<int>("extendedFlags");
        QTest::newRow("32-bit kernel") << 0x20F << 4;
        QTest::newRow("no extended flags yet") << 0x20A << 1;
    }
    void aKernelWithout64BitEntryStartsInProtectedMode() {
        QFETCH(int, version);
        QFETCH(int, extendedFlags);
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x3000);
        storeLe<uint16_t>(kernel.data() + 0x206, static_cast<uint16_t>(version));
        storeLe<uint16_t>(kernel.data() + 0x236, static_cast<uint16_t>(extendedFlags));
        Bytes initrd(5000, 0x77);
        auto registers =
            loadKernel({.kernel = kernel, .initrd = initrd, .commandLine = "quiet", .modules = {}},
                       {pcMemoryMap(kRam), 0xE1230}, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());

        QCOMPARE(registers->rip, uint64_t{0x1000000}); // preferred address
        QCOMPARE(registers->cr0 & 0x80000001, uint64_t{1});
        QCOMPARE(registers->efer, uint64_t{0});
        QCOMPARE(registers->cr4, uint64_t{0});
        QCOMPARE(registers->rflags, uint64_t{2});
        QCOMPARE(registers->rbx | registers->rbp | registers->rdi, uint64_t{0});
        QCOMPARE(registers->cs, (SegmentRegister{0, 0xFFFFFFFF, 0x10, 0xC09B}));
        for (const SegmentRegister* segment : {&registers->ds, &registers->es, &registers->ss})
            QCOMPARE(*segment, (SegmentRegister{0, 0xFFFFFFFF, 0x18, 0xC093}));
        QCOMPARE(memory->readObject<uint64_t>(registers->gdt.base + 0x10),
                 uint64_t{0x00CF9B000000FFFF});
        QCOMPARE(memory->readObject<uint64_t>(registers->gdt.base + 0x18),
                 uint64_t{0x00CF93000000FFFF});
        const GuestAddress params = registers->rsi;
        QCOMPARE(memory->readObject<uint32_t>(params + 0x202), 0x53726448u);
        QCOMPARE(stringAt(*memory, *memory->readObject<uint32_t>(params + 0x228)),
                 std::string("quiet"));
        QCOMPARE(memory->readObject<uint32_t>(params + 0x21C), 5000u);
    }

    // As iPXE's ipxe.lkrn: nobody may jump into what looks like a kernel's code.
    void aKernelThatNeedsABiosIsRefused() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x3000);
        storeLe<uint16_t>(kernel.data() + 0x206, 0x207);
        auto registers =
            loadKernel({.kernel = kernel, .initrd = {}, .commandLine = {}, .modules = {}},
                       {pcMemoryMap(kRam), 0}, *memory);
        QVERIFY(!registers);
        QCOMPARE(registers.error().code, ErrorCode::Unsupported);
        QVERIFY(registers.error().detail.find("protocol 2.07") != std::string::npos);
        QVERIFY(registers.error().detail.find("from a CD") != std::string::npos);
    }

    void relocatableKernelMovesWhenItsPlaceIsMissing() {
        constexpr uint64_t kSmall = 12 << 20; // the preferred address lies beyond
        auto memory = GuestMemory::create(kSmall);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x1000);
        auto registers =
            loadKernel({.kernel = kernel, .initrd = {}, .commandLine = {}, .modules = {}},
                       {pcMemoryMap(kSmall), 0}, *memory);
        QVERIFY(registers);
        QCOMPARE(registers->rip, uint64_t{0x200200}); // first multiple of its alignment

        kernel[0x234] = 0;
        registers = loadKernel({.kernel = kernel, .initrd = {}, .commandLine = {}, .modules = {}},
                               {pcMemoryMap(kSmall), 0}, *memory);
        QVERIFY(!registers);
        QCOMPARE(registers.error().code, ErrorCode::LimitExceeded);
    }

    void impossibleKernelsAreRefused_data() {
        QTest::addColumn<int>("offset");
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("old protocol") << 0x206 << QByteArray("\x09\x02", 2);
        QTest::newRow("zImage") << 0x211 << QByteArray("\0", 1);
        QTest::newRow("set-up beyond the file") << 0x1F1 << QByteArray("\xFF", 1);
        QTest::newRow("alignment zero") << 0x230 << QByteArray("\0\0\0\0", 4);
        QTest::newRow("alignment odd") << 0x230 << QByteArray("\x01\x02\x03\x04", 4);
        QTest::newRow("alignment huge") << 0x230 << QByteArray("\0\0\0\x80", 4);
        QTest::newRow("init_size beyond memory") << 0x260 << QByteArray("\0\0\0\xFF", 4);
        QTest::newRow("command line too long") << 0x238 << QByteArray("\x03\0\0\0", 4);
        QTest::newRow("initrd has no room") << 0x22C << QByteArray("\0\0\x10\0", 4);
    }
    void impossibleKernelsAreRefused() {
        QFETCH(int, offset);
        QFETCH(QByteArray, bytes);
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x1000);
        std::copy(bytes.begin(), bytes.end(), kernel.begin() + offset);
        Bytes initrd(4096);
        auto registers =
            loadKernel({.kernel = kernel, .initrd = initrd, .commandLine = "quiet", .modules = {}},
                       {pcMemoryMap(kRam), 0}, *memory);
        QVERIFY(!registers);
    }

    void everyTruncationIsRefused() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = bzImage(0x200);
        for (size_t length = 0; length <= kernel.size(); length += 7)
            QVERIFY(!loadKernel({.kernel = ConstByteSpan(kernel).first(length),
                                 .initrd = {},
                                 .commandLine = {},
                                 .modules = {}},
                                {pcMemoryMap(kRam), 0}, *memory));
    }

    void uncompressedKernelStartsAtItsEntry() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes text(0x1000, 0x90);
        const std::string banner = "Linux version 6.1.0";
        std::copy(banner.begin(), banner.end(), text.begin() + 0x100);
        Bytes kernel = elf64(0x1000000, {{0x1000000, text, 0x2000, 0xFFFFFFFF81000000}});
        auto format = detectKernelFormat(kernel);
        QVERIFY(format);
        QCOMPARE(*format, KernelFormat::LinuxElf);
        auto registers =
            loadKernel({.kernel = kernel, .initrd = {}, .commandLine = "quiet", .modules = {}},
                       {pcMemoryMap(kRam), 0}, *memory);
        QVERIFY(registers);
        QCOMPARE(registers->rip, uint64_t{0x1000000});
        QCOMPARE(memory->readObject<uint32_t>(registers->rsi + 0x202), 0x53726448u);
    }

    void otherElfFilesAreNotLinux() {
        Bytes program = elf64(0x400000, {{0x400000, Bytes(64, 0x90), 64, 0x400000}});
        auto format = detectKernelFormat(program);
        QVERIFY(!format);
        QCOMPARE(format.error().code, ErrorCode::Unsupported);
    }
};

VIVARIUM_TEST(LinuxBootTest)
#include "linux_boot_test.moc"
