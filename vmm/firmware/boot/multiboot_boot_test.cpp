#include "tests/support/test_main.h"
#include "vmm/firmware/boot/boot_test_images.h"
#include "vmm/firmware/boot/multiboot_boot.h"
#include "vmm/firmware/boot/pvh_boot.h"

#include <QFile>
#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {
constexpr uint64_t kRam = 16 << 20;

std::string stringAt(const GuestMemory& memory, GuestAddress address) {
    std::string text;
    while (auto c = memory.readObject<char>(address + text.size())) {
        if (*c == 0)
            return text;
        text += *c;
    }
    return "(not terminated)";
}

Result<VcpuRegisters> load(const Bytes& kernel, const GuestMemory& memory) {
    return loadKernel({.kernel = kernel, .initrd = {}, .commandLine = "a b", .modules = {}},
                      {pcMemoryMap(memory.sizeBytes()), 0}, memory);
}
} // namespace

class MultibootBootTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void elfKernelGetsItsInformation() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes text = multibootHeader(7);
        text.resize(64, 0x90);
        Bytes kernel = elf32(0xC0100020, {{0x100000, text, 0x1234, 0xC0100000}});
        Bytes initrd(100, 1), module(5000, 2);
        auto registers = loadKernel({.kernel = kernel,
                                     .initrd = initrd,
                                     .commandLine = "hello world",
                                     .modules = {{module, "mod arg"}}},
                                    {pcMemoryMap(kRam), 0}, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());
        QCOMPARE(registers->rax, uint64_t{0x2BADB002});
        QCOMPARE(registers->rip, uint64_t{0x100020}); // physical
        QCOMPARE(registers->cr0, uint64_t{0x11});
        QCOMPARE(registers->efer, uint64_t{0});
        QCOMPARE(registers->cs.attributes, uint16_t{0xC09B});
        QCOMPARE(registers->rflags, uint64_t{2});

        auto word = [&](uint64_t offset) {
            return *memory->readObject<uint32_t>(registers->rbx + offset);
        };
        QCOMPARE(word(0), 1u | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9);
        QCOMPARE(word(4), 639u);
        QCOMPARE(word(8), static_cast<uint32_t>(kRam / 1024 - 1024));
        QCOMPARE(stringAt(*memory, word(16)), std::string("hello world"));
        QCOMPARE(stringAt(*memory, word(64)), std::string("Vivarium"));

        QCOMPARE(word(20), 2u);
        const GuestAddress list = word(24);
        auto first = *memory->readObject<std::array<uint32_t, 4>>(list);
        auto second = *memory->readObject<std::array<uint32_t, 4>>(list + 16);
        QVERIFY(first[0] >= 0x101234 && first[0] % 4096 == 0);
        QCOMPARE(first[1] - first[0], 100u);
        QVERIFY(second[0] >= first[1] && second[0] % 4096 == 0);
        QCOMPARE(second[1] - second[0], 5000u);
        QCOMPARE(stringAt(*memory, second[2]), std::string("mod arg"));
        QCOMPARE(memory->readObject<uint8_t>(second[1] - 1), uint8_t{2});

        QCOMPARE(word(44), 3u * 24);
        auto size = memory->readObject<uint32_t>(word(48));
        QCOMPARE(*size, 20u);
        QCOMPARE(*memory->readObject<uint64_t>(word(48) + 24 + 4), uint64_t{0x9FC00});
        QCOMPARE(*memory->readObject<uint32_t>(word(48) + 24 + 20), 2u);
    }

    void flatKernelUsesTheHeadersAddresses() {
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        QVERIFY(memory->write(0x200000, Bytes(0x200, 0xFF)));
        // 16 bytes in front of the header are not loaded, 4 in front of it are.
        Bytes kernel(16, 0x11);
        Bytes header = multibootHeader(
            1u << 16, {0x200004, 0x200000, 0x200000 + 4 + 32 + 8, 0x200100, 0x200024});
        kernel.insert(kernel.end(), {1, 2, 3, 4});
        kernel.insert(kernel.end(), header.begin(), header.end());
        kernel.insert(kernel.end(), 20, 0xAB);
        auto registers = load(kernel, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());
        QCOMPARE(registers->rip, uint64_t{0x200024});
        QCOMPARE(*memory->readObject<uint32_t>(0x200000), 0x04030201u);
        QCOMPARE(*memory->readObject<uint8_t>(0x200000 + 4 + 32 + 7), uint8_t{0xAB});
        QCOMPARE(*memory->readObject<uint8_t>(0x200000 + 4 + 32 + 8), uint8_t{0});
        QCOMPARE(*memory->readObject<uint8_t>(0x2000FF), uint8_t{0});
        QCOMPARE(*memory->readObject<uint8_t>(0x200100), uint8_t{0xFF});
    }

    void hostileHeadersAreRefused_data() {
        QTest::addColumn<quint32>("flags");
        QTest::addColumn<QList<quint32>>("addresses");
        using List = QList<quint32>;
        QTest::newRow("unknown requirement") << 0x8u << List{};
        QTest::newRow("not ELF, no addresses") << 0u << List{};
        constexpr uint32_t kAddresses = 1 << 16;
        QTest::newRow("load above header")
            << kAddresses << List{0x200000, 0x200004, 0, 0, 0x200000};
        QTest::newRow("starts before file")
            << kAddresses << List{0x200000, 0x100000, 0, 0, 0x200000};
        QTest::newRow("ends before start")
            << kAddresses << List{0x200000, 0x200000, 0x1FFFFF, 0, 0};
        QTest::newRow("ends behind file") << kAddresses << List{0x200000, 0x200000, 0x300000, 0, 0};
        QTest::newRow("bss inside") << kAddresses << List{0x200000, 0x200000, 0, 0x200001, 0};
        QTest::newRow("outside memory") << kAddresses << List{0xFFFFFFF0, 0xFFFFFFF0, 0, 0, 0};
        QTest::newRow("in the video window") << kAddresses << List{0xA0000, 0xA0000, 0, 0, 0};
        QTest::newRow("bss beyond memory")
            << kAddresses << List{0x200000, 0x200000, 0, 0xFFFFFFFF, 0};
    }
    void hostileHeadersAreRefused() {
        QFETCH(quint32, flags);
        QFETCH(QList<quint32>, addresses);
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel =
            multibootHeader(flags, std::vector<uint32_t>(addresses.begin(), addresses.end()));
        kernel.resize(256);
        QVERIFY(!load(kernel, *memory));
    }

    void headerMustBeAlignedAndEarly() {
        Bytes header = multibootHeader(0);
        Bytes odd(2);
        odd.insert(odd.end(), header.begin(), header.end());
        QVERIFY(!isMultiboot(odd));
        Bytes late(8192 - 8);
        late.insert(late.end(), header.begin(), header.end());
        QVERIFY(!isMultiboot(late));
        Bytes last(8192 - 12);
        last.insert(last.end(), header.begin(), header.end());
        QVERIFY(isMultiboot(last));
        header[8] ^= 1; // checksum
        QVERIFY(!isMultiboot(header));
    }

    void realKernels_data() {
        QTest::addColumn<QString>("path");
        QTest::newRow("example") << QStringLiteral("/usr/lib/multiboot/examples/kernel");
        QTest::newRow("invaders") << QStringLiteral("/boot/invaders.exec");
    }
    void realKernels() {
        QFETCH(QString, path);
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly))
            QSKIP(qPrintable(path + QStringLiteral(" is not installed")));
        QByteArray content = file.readAll();
        Bytes kernel(content.begin(), content.end());
        auto format = detectKernelFormat(kernel);
        QVERIFY(format);
        QCOMPARE(*format, KernelFormat::Multiboot);
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        auto registers = load(kernel, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());
        QVERIFY(registers->rip >= 0x100000);
    }
};

class PvhBootTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void startInformationIsComplete_data() {
        QTest::addColumn<QByteArray>("descriptor");
        QTest::newRow("32 bits") << QByteArray("\x10\0\x10\0", 4);
        QTest::newRow("64 bits") << QByteArray("\x10\0\x10\0\0\0\0\0", 8);
    }
    void startInformationIsComplete() {
        QFETCH(QByteArray, descriptor);
        auto memory = GuestMemory::create(kRam);
        QVERIFY(memory);
        Bytes kernel = elf64(0, {{0x100000, Bytes(64, 0x90), 64, 0xFFFFFFFF80100000}},
                             noteBytes("Xen", 18, Bytes(descriptor.begin(), descriptor.end())));
        auto format = detectKernelFormat(kernel);
        QVERIFY(format);
        QCOMPARE(*format, KernelFormat::Pvh);
        Bytes initrd(4097, 3);
        auto registers = loadKernel(
            {.kernel = kernel, .initrd = initrd, .commandLine = "root=/dev/vda", .modules = {}},
            {pcMemoryMap(kRam), 0xF5A00}, *memory);
        QVERIFY2(registers, registers ? "" : registers.error().detail.c_str());
        QCOMPARE(registers->rip, uint64_t{0x100010});
        QCOMPARE(registers->cr0, uint64_t{0x11});
        const GuestAddress info = registers->rbx;
        QCOMPARE(*memory->readObject<uint32_t>(info), 0x336EC578u);
        QCOMPARE(*memory->readObject<uint32_t>(info + 4), 1u);
        QCOMPARE(*memory->readObject<uint32_t>(info + 12), 1u);
        const GuestAddress modules = *memory->readObject<uint64_t>(info + 16);
        QCOMPARE(*memory->readObject<uint64_t>(modules + 8), uint64_t{4097});
        const GuestAddress module = *memory->readObject<uint64_t>(modules);
        QCOMPARE(*memory->readObject<uint8_t>(module + 4096), uint8_t{3});
        QCOMPARE(stringAt(*memory, *memory->readObject<uint64_t>(info + 24)),
                 std::string("root=/dev/vda"));
        QCOMPARE(*memory->readObject<uint64_t>(info + 32), uint64_t{0xF5A00});
        QCOMPARE(*memory->readObject<uint32_t>(info + 48), 3u);
        const GuestAddress map = *memory->readObject<uint64_t>(info + 40);
        QCOMPARE(*memory->readObject<uint64_t>(map + 24), uint64_t{0x9FC00});
        QCOMPARE(*memory->readObject<uint32_t>(map + 24 + 16), 2u);
    }

    void oddNotesAreNoEntry() {
        QVERIFY(!pvhEntry(elf64(0, {{0x100000, {1}, 1, 0}}, noteBytes("Xen", 18, {1, 2}))));
        QVERIFY(!pvhEntry(
            elf64(0, {{0x100000, {1}, 1, 0}}, noteBytes("Xen", 18, {0, 0, 0, 0, 1, 0, 0, 0}))));
        QVERIFY(!pvhEntry(Bytes{}));
    }
};

VIVARIUM_TEST(MultibootBootTest)
VIVARIUM_TEST(PvhBootTest)
#include "multiboot_boot_test.moc"
