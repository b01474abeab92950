#include "vmm/firmware/tables/acpi_tables.h"

#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"
#include "vmm/devices/chipset/acpi_pm.h"
#include "vmm/devices/chipset/chipset_start.h"
#include "vmm/devices/chipset/hpet.h"
#include "vmm/devices/chipset/lpc_bridge.h"
#include "vmm/devices/chipset/reset_control.h"
#include "vmm/firmware/tables/aml_writer.h"
#include "vmm/firmware/tables/boot_order.h"
#include "vmm/firmware/tables/dsdt.h"
#include "vmm/firmware/tables/memory_map_table.h"
#include "vmm/firmware/tables/table_set.h"

#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <map>
#include <numeric>

using namespace vivarium;

namespace {

constexpr GuestAddress kBase = 0xE0000;

PlatformDescription samplePlatform() {
    PlatformDescription platform;
    platform.apicIds = {0, 1, 2, 4};
    platform.memoryBelow4GiB = uint64_t{0xB0000000};
    platform.memoryAbove4GiB = uint64_t{1} << 30;
    platform.serialPorts = 0x05;
    choosePci64Window(platform, 40);
    return platform;
}

uint8_t sum(ConstByteSpan bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), uint8_t{0},
                           [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a + b); });
}

// Follows the pointers as an operating system does. Keys are signatures.
class GuestTables {
public:
    explicit GuestTables(const GuestMemory& memory, GuestAddress rsdp) : m_memory(memory) {
        auto bytes = *memory.view(rsdp, 36);
        QCOMPARE(std::string(bytes.begin(), bytes.begin() + 8), std::string("RSD PTR "));
        QCOMPARE(sum(bytes.first(20)), uint8_t{0});
        QCOMPARE(sum(bytes), uint8_t{0});
        auto xsdt = table(loadLe<uint64_t>(&bytes[24]));
        auto rsdt = table(loadLe<uint32_t>(&bytes[16]));
        QCOMPARE((xsdt.size() - 36) / 8, (rsdt.size() - 36) / 4);
        for (size_t i = 0; 36 + 8 * i < xsdt.size(); ++i) {
            auto address = loadLe<uint64_t>(&xsdt[36 + 8 * i]);
            QCOMPARE(uint64_t{loadLe<uint32_t>(&rsdt[36 + 4 * i])}, address);
            add(address);
        }
        auto fadt = tables["FACP"];
        QCOMPARE(fadt.size(), size_t{244});
        QCOMPARE(uint64_t{loadLe<uint32_t>(&fadt[40])}, loadLe<uint64_t>(&fadt[140]));
        QCOMPARE(uint64_t{loadLe<uint32_t>(&fadt[36])}, loadLe<uint64_t>(&fadt[132]));
        QCOMPARE(loadLe<uint32_t>(&fadt[36]) % 64, 0u);
        add(loadLe<uint64_t>(&fadt[140]));
        tables["FACS"] = table(loadLe<uint64_t>(&fadt[132]));
    }
    std::map<std::string, ConstByteSpan> tables;

private:
    ConstByteSpan table(GuestAddress address) {
        return *m_memory.view(address, *m_memory.readObject<uint32_t>(address + 4));
    }
    void add(GuestAddress address) {
        ConstByteSpan bytes = table(address);
        std::string signature(bytes.begin(), bytes.begin() + 4);
        QVERIFY2(sum(bytes) == 0, signature.c_str());
        QCOMPARE(tables.count(signature), size_t{0});
        tables[signature] = bytes;
    }
    const GuestMemory& m_memory;
};

QString runTool(const QString& folder, const QString& tool, const QStringList& arguments) {
    QProcess process;
    process.setWorkingDirectory(folder);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(tool, arguments);
    process.closeWriteChannel();
    if (!process.waitForFinished(60'000))
        return QStringLiteral("did not finish");
    QString output = QString::fromLocal8Bit(process.readAll());
    return process.exitCode() == 0 ? output : QStringLiteral("FAILED: ") + output;
}

void writeFile(const QString& path, ConstByteSpan bytes) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<qint64>(bytes.size()));
}

QString readText(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromLatin1(file.readAll()) : QString();
}

} // namespace

class AcpiTablesTest : public QObject {
    Q_OBJECT
    GuestMemory m_memory = std::move(*GuestMemory::create(4 << 20));

private Q_SLOTS:
    void allTablesAreLinkedAndSummed() {
        auto rsdp = writeAcpiTables(samplePlatform(), m_memory, kBase, 0x10000);
        QVERIFY(rsdp);
        QCOMPARE(*rsdp, kBase);
        GuestTables guest(m_memory, *rsdp);
        for (const char* name : {"APIC", "DSDT", "FACP", "FACS", "HPET", "MCFG", "SSDT", "WAET"})
            QVERIFY2(guest.tables.count(name), name);
    }

    void hpetIsLeftOutWhenAbsent() {
        auto platform = samplePlatform();
        platform.hpet = PlatformDescription::HpetPresence::Absent;
        QVERIFY(writeAcpiTables(platform, m_memory, kBase, 0x10000));
        GuestTables guest(m_memory, kBase);
        QVERIFY(!guest.tables.count("HPET"));
    }

    void fixedPlacesAreTheChipsets() {
        PlatformDescription platform;
        QCOMPARE(platform.ecamBase, GuestAddress{chipset::kEcamBase});
        QCOMPARE(platform.ecamBytes, chipset::kEcamBytes);
        QVERIFY(writeAcpiTables(platform, m_memory, kBase, 0x10000));
        GuestTables guest(m_memory, kBase);
        auto fadt = guest.tables["FACP"];
        QCOMPARE(loadLe<uint16_t>(&fadt[46]), uint16_t{chipset::kSciGsi});
        QCOMPARE(fadt[52], AcpiPm::kEnableCommand);
        QCOMPARE(fadt[53], AcpiPm::kDisableCommand);
        QCOMPARE(loadLe<uint32_t>(&fadt[56]), uint32_t{chipset::kPmBase});
        QCOMPARE(loadLe<uint64_t>(&fadt[120]), uint64_t{ResetControl::kResetPort});
        QCOMPARE(fadt[128], ResetControl::kResetValue);
        auto hpet = guest.tables["HPET"];
        QCOMPARE(loadLe<uint32_t>(&hpet[36]), Hpet::kBlockId);
        QCOMPARE(loadLe<uint64_t>(&hpet[44]), Hpet::kBase);
    }

    void madtNamesEveryProcessor() {
        auto platform = samplePlatform();
        platform.apicIds.clear();
        for (uint32_t i = 0; i < 300; ++i)
            platform.apicIds.push_back(i);
        QVERIFY(writeAcpiTables(platform, m_memory, 0x100000, 0x100000));
        GuestTables guest(m_memory, 0x100000);
        auto madt = guest.tables["APIC"];
        std::vector<uint32_t> found;
        for (size_t at = 44; at < madt.size(); at += madt[at + 1]) {
            QVERIFY(madt[at + 1] >= 2);
            if (madt[at] == 0)
                found.push_back(madt[at + 3]);
            else if (madt[at] == 9)
                found.push_back(loadLe<uint32_t>(&madt[at + 4]));
        }
        QCOMPARE(found, platform.apicIds);
    }

    // What firmware does with the three files gives the same tables.
    void loaderCommandsLinkTheFiles() {
        auto platform = samplePlatform();
        AcpiFiles files = buildAcpiFiles(platform);
        std::map<std::string, std::vector<uint8_t>> content{{"etc/acpi/tables", files.tables},
                                                            {"etc/acpi/rsdp", files.rsdp}};
        std::map<std::string, GuestAddress> address;
        GuestAddress next = 0x200000;
        QCOMPARE(files.loader.size() % 128, size_t{0});
        for (size_t at = 0; at < files.loader.size(); at += 128) {
            const uint8_t* command = &files.loader[at];
            auto name = [&](size_t offset) {
                return std::string(reinterpret_cast<const char*>(command + offset));
            };
            std::string file = name(4);
            QVERIFY(content.count(file));
            switch (loadLe<uint32_t>(command)) {
            case 1: {
                next = alignUp(next, loadLe<uint32_t>(command + 60));
                address[file] = next;
                next += content[file].size();
                break;
            }
            case 2: {
                auto offset = loadLe<uint32_t>(command + 116);
                uint8_t size = command[120];
                QVERIFY(rangeFits(offset, size, content[file].size()));
                uint64_t value = 0;
                memcpy(&value, &content[file][offset], size);
                QVERIFY(value < content[name(60)].size());
                value += address.at(name(60));
                memcpy(&content[file][offset], &value, size);
                break;
            }
            case 3: {
                auto offset = loadLe<uint32_t>(command + 60);
                auto start = loadLe<uint32_t>(command + 64);
                auto length = loadLe<uint32_t>(command + 68);
                auto& bytes = content[file];
                QVERIFY(rangeFits(start, length, bytes.size()) && offset < bytes.size());
                bytes[offset] = checksumOf(ConstByteSpan(bytes).subspan(start, length));
                break;
            }
            default:
                QFAIL("unknown command");
            }
        }
        for (const auto& [file, bytes] : content)
            QVERIFY(m_memory.write(address.at(file), bytes));
        GuestTables guest(m_memory, address.at("etc/acpi/rsdp"));
        QCOMPARE(guest.tables.size(), size_t{8});
    }

    void tablesThatDoNotFitAreRefused() {
        auto platform = samplePlatform();
        QCOMPARE(writeAcpiTables(platform, m_memory, kBase, 0x1000).error().code,
                 ErrorCode::LimitExceeded);
        QCOMPARE(writeAcpiTables(platform, m_memory, kBase + 8, 0x10000).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(writeAcpiTables(platform, m_memory, 0x80000000, 0x10000).error().code,
                 ErrorCode::InvalidArgument);
    }

    void iaslUnderstandsEveryTable() {
        QTemporaryDir folder;
        QVERIFY(writeAcpiTables(samplePlatform(), m_memory, kBase, 0x10000));
        GuestTables guest(m_memory, kBase);
        for (const auto& [signature, bytes] : guest.tables) {
            QString name = QString::fromStdString(signature);
            writeFile(folder.filePath(name + QStringLiteral(".aml")), bytes);
            QString output = runTool(folder.path(), QStringLiteral("iasl"),
                                     {QStringLiteral("-d"), name + QStringLiteral(".aml")});
            QString text = readText(folder.filePath(name + QStringLiteral(".dsl")));
            for (const QString& bad : {QStringLiteral("FAILED"), QStringLiteral("Incorrect"),
                                       QStringLiteral("Unknown"), QStringLiteral("Error")})
                QVERIFY2(!output.contains(bad) && !text.contains(bad),
                         qPrintable(output + text.left(4000)));
            QVERIFY(!text.isEmpty());
        }
        QString fadt = readText(folder.filePath(QStringLiteral("FACP.dsl")));
        QVERIFY(fadt.contains(QRegularExpression(QStringLiteral("SCI Interrupt : 0009"))));
        QVERIFY(
            fadt.contains(QRegularExpression(QStringLiteral("PM Timer Block Address : 00000608"))));
        QVERIFY(fadt.contains(QRegularExpression(QStringLiteral("32-bit PM Timer \\(V1\\) : 0"))));
        QVERIFY(fadt.contains(
            QRegularExpression(QStringLiteral("Reset Register Supported \\(V2\\) : 1"))));
    }

    void methodsEvaluateAsTheyShould_data() {
        QTest::addColumn<QString>("object");
        QTest::addColumn<QStringList>("expected");
        const auto lower = [](uint64_t value) {
            return QString::number(value, 16).toUpper().rightJustified(16, u'0');
        };
        QTest::newRow("uart present")
            << QStringLiteral("\\_SB.PCI0.LPC.COM3._STA") << QStringList{lower(0x0F)};
        QTest::newRow("uart absent")
            << QStringLiteral("\\_SB.PCI0.LPC.COM2._STA") << QStringList{lower(0)};
        QTest::newRow("hpet") << QStringLiteral("\\_SB.HPET._STA") << QStringList{lower(0x0F)};
        QTest::newRow("processor") << QStringLiteral("\\_SB.C003._UID") << QStringList{lower(3)};
        // 4 GiB + 1 GiB of RAM, up to 512 GiB.
        QTest::newRow("windows") << QStringLiteral("\\_SB.PCI0._CRS")
                                 << QStringList{QStringLiteral("00 00 00 40 01 00 00 00"),
                                                QStringLiteral("FF FF FF FF 7F 00 00 00"),
                                                QStringLiteral("00 00 00 C0"),
                                                QStringLiteral("FF FF BF FE")};
        QTest::newRow("interrupt link") << QStringLiteral("\\_SB.LNKA._CRS") << QStringList{};
    }
    void methodsEvaluateAsTheyShould() {
        QFETCH(QString, object);
        QFETCH(QStringList, expected);
        if (QStandardPaths::findExecutable(QStringLiteral("acpiexec")).isEmpty())
            QSKIP("acpiexec is not installed");
        QTemporaryDir folder;
        QVERIFY(writeAcpiTables(samplePlatform(), m_memory, kBase, 0x10000));
        GuestTables guest(m_memory, kBase);
        writeFile(folder.filePath(QStringLiteral("DSDT.aml")), guest.tables["DSDT"]);
        writeFile(folder.filePath(QStringLiteral("SSDT.aml")), guest.tables["SSDT"]);
        QString output = runTool(folder.path(), QStringLiteral("acpiexec"),
                                 {QStringLiteral("-b"), QStringLiteral("evaluate ") + object,
                                  QStringLiteral("DSDT.aml"), QStringLiteral("SSDT.aml")});
        QVERIFY2(!output.contains(QStringLiteral("FAILED")) &&
                     !output.contains(QStringLiteral("AE_")),
                 qPrintable(output));
        // A dump's line breaks and columns are of no interest.
        QString flat = output;
        flat.remove(QRegularExpression(QStringLiteral("// .{0,16}")));
        flat.replace(QRegularExpression(QStringLiteral("\\n *[0-9A-F]+: ")), QStringLiteral(" "));
        flat.replace(QRegularExpression(QStringLiteral("\\s+")), QStringLiteral(" "));
        for (const QString& part : expected)
            QVERIFY2(flat.contains(part), qPrintable(part + QStringLiteral("\n") + output));
    }

    // The DSDT's routing is the bridge's wiring, for every slot and pin.
    void routingPackageMatchesTheBridge() {
        QFile file(QStringLiteral(VIVARIUM_SOURCE_DIR "/resources/acpi/pci_routing.asl"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QString text = QString::fromUtf8(file.readAll());
        static const QRegularExpression entry(
            QStringLiteral("Package \\(\\) \\{ 0x([0-9A-F]{4})FFFF, ([0-3]), (?:Zero, "
                           "([0-9]+)|\\\\_SB\\.LNK([A-H]), Zero) \\}"));
        int gsis = 0, links = 0;
        for (auto it = entry.globalMatch(text); it.hasNext();) {
            auto match = it.next();
            PciAddress slot{static_cast<uint8_t>(match.captured(1).toUInt(nullptr, 16)), 0};
            unsigned pirq =
                LpcBridge::pirqOf(slot, static_cast<uint8_t>(match.captured(2).toUInt() + 1));
            if (!match.captured(3).isEmpty()) {
                QCOMPARE(match.captured(3).toUInt(), LpcBridge::kFirstGsi + pirq);
                ++gsis;
            } else {
                QCOMPARE(match.captured(4).at(0).toLatin1() - 'A', static_cast<int>(pirq));
                ++links;
            }
        }
        QCOMPARE(gsis, 32 * 4);
        QCOMPARE(links, 32 * 4);
    }

    void pci64WindowAvoidsRam() {
        PlatformDescription platform;
        platform.memoryAbove4GiB = (uint64_t{3} << 30) + 1;
        choosePci64Window(platform, 39);
        QCOMPARE(platform.pci64Base, uint64_t{8} << 30);
        QCOMPARE(platform.pci64Base + platform.pci64Bytes, uint64_t{1} << 39);
        choosePci64Window(platform, 32);
        QCOMPARE(platform.pci64Bytes, uint64_t{0});
        platform.memoryAbove4GiB = uint64_t{1} << 40;
        choosePci64Window(platform, 46);
        QVERIFY(platform.pci64Base >= (uint64_t{1} << 40) + (uint64_t{4} << 30));
        QCOMPARE(platform.pci64Base + platform.pci64Bytes, uint64_t{1} << 46);
    }

    void memoryMapsListRamAndHoles() {
        auto platform = samplePlatform();
        auto file = e820File(platform);
        QCOMPARE(file.size(), size_t{40});
        QCOMPARE(loadLe<uint64_t>(&file[8]), uint64_t{0xB0000000});
        QCOMPARE(loadLe<uint64_t>(&file[20]), uint64_t{1} << 32);
        QCOMPARE(loadLe<uint32_t>(&file[36]), 1u);
        auto map = directBootMemoryMap(platform);
        for (size_t i = 1; i < map.size(); ++i)
            QVERIFY(map[i - 1].base + map[i - 1].sizeBytes <= map[i].base);
        platform.memoryAbove4GiB = 0;
        QCOMPARE(e820File(platform).size(), size_t{20});
    }

    void bootOrderNamesDrives() {
        auto file =
            bootOrderFile({ahciBootPath(31, 2, 1), pciDiskBootPath(3, 0)}, BootOrderRule::Strict);
        QCOMPARE(file.back(), uint8_t{0});
        QCOMPARE(std::string(file.begin(), file.end() - 1),
                 std::string("/pci@i0cf8/*@1f,2/drive@1/disk@0\n"
                             "/pci@i0cf8/*@3/disk@0,0\nHALT"));
    }

    void amlPackagesOfEverySizeParse() {
        for (size_t length : {1, 40, 55, 56, 57, 58, 60, 200, 4070, 4090, 5000}) {
            AmlWriter aml;
            aml.beginScope("\\_SB");
            aml.nameString("ABCD", std::string(length, 'x'));
            aml.end();
            TableSet set;
            set.begin("SSDT", 2);
            set.bytes(aml.bytes());
            set.end();
            QTemporaryDir folder;
            writeFile(folder.filePath(QStringLiteral("t.aml")), set.linkedAt(0));
            runTool(folder.path(), QStringLiteral("iasl"),
                    {QStringLiteral("-d"), QStringLiteral("t.aml")});
            QString text = readText(folder.filePath(QStringLiteral("t.dsl")));
            QVERIFY2(text.contains(QString(static_cast<int>(length), u'x')) &&
                         !text.contains(QStringLiteral("Unknown")),
                     qPrintable(QString::number(length) + text));
        }
    }
};
VIVARIUM_TEST(AcpiTablesTest)

#include "acpi_tables_test.moc"
