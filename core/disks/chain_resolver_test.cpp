#include "core/disks/chain_resolver.h"

#include "core/disks/file_stamp.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QMap>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

namespace vivarium::test {

namespace {

// Tells what the test has noted about files, and counts how often it is asked.
class NotedImages final : public ImageInspector {
public:
    struct Note {
        uint64_t sizeBytes = 0;
        QString backing;
        DiskFormat backingFormat = DiskFormat::Raw;
    };
    QMap<QString, Note> notes;
    mutable int asked = 0;

    Result<DiskLayer> file(const QString& path, DiskFormat format) const override {
        ++asked;
        if (!notes.contains(path))
            return fail(ErrorCode::Corrupt, path.toStdString() + " is no qcow2 image.");
        DiskLayer layer;
        layer.path = path;
        layer.format = format;
        layer.sizeBytes = notes.value(path).sizeBytes;
        return layer;
    }
    Result<QList<DiskLayer>> chain(const QString& path, DiskFormat format) const override {
        QList<DiskLayer> layers;
        QString at = path;
        for (DiskFormat kind = format; !at.isEmpty();
             kind = notes.value(layers.first().path).backingFormat) {
            DiskLayer layer;
            layer.path = at;
            layer.format = kind;
            if (kind == DiskFormat::Raw)
                layer.sizeBytes = static_cast<uint64_t>(QFile(at).size());
            else
                layer = TRY(file(at, kind));
            if (!layers.isEmpty())
                layers.first().parent = at;
            layers.prepend(layer);
            at = kind == DiskFormat::Raw ? QString() : notes.value(at).backing;
        }
        return layers;
    }
};

} // namespace

class ChainResolverTest : public QObject {
    Q_OBJECT

    QString path(const char* name) const { return m_folder->filePath(QString::fromLatin1(name)); }
    QString make(const char* name, qint64 bytes = 4096) const {
        QFile file(path(name));
        if (!file.open(QIODevice::WriteOnly) || !file.resize(bytes))
            qFatal("cannot make %s", name);
        return file.fileName();
    }
    static DriveSettings disk(const QString& file, DiskFormat format = DiskFormat::Qcow2) {
        return {DriveType::HardDisk, 0, file, false, DriveBus::Sata, format};
    }
    static QStringList paths(const QList<DiskLayer>& layers) {
        QStringList list;
        for (const DiskLayer& layer : layers)
            list << layer.path;
        return list;
    }
    // base.img (raw) <- middle <- top, the user's, as the library knows them after one start.
    QList<DiskLayer> knownUserChain() {
        const QString base = make("base.img"), middle = make("middle"), top = make("top");
        m_images.notes[middle] = {1 << 20, base, DiskFormat::Raw};
        m_images.notes[top] = {1 << 20, middle, DiskFormat::Qcow2};
        ChainResolver resolver({}, m_images);
        if (!resolver.resolve(disk(top)))
            qFatal("the chain does not resolve");
        m_images.asked = 0;
        return resolver.learned();
    }
    // The same, the overlays made by the program, never looked into.
    QList<DiskLayer> programChain() {
        QList<DiskLayer> chain = knownUserChain();
        for (DiskLayer& layer : chain) {
            layer.owner = DiskLayer::Owner::Program;
            layer.stamp.clear();
        }
        return chain;
    }
    static bool names(const Error& error, std::initializer_list<QString> files) {
        const QString text = QString::fromStdString(error.detail);
        return text.endsWith(u'.') && std::all_of(files.begin(), files.end(),
                                                  [&](const auto& f) { return text.contains(f); });
    }

private Q_SLOTS:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        m_images = {};
    }

    void aRawDiskIsOneFile() {
        ChainResolver resolver({}, m_images);
        const auto chain = resolver.resolve(disk(make("disk", 8192), DiskFormat::Raw));
        QCOMPARE(chain->size(), 1);
        QCOMPARE(chain->first().sizeBytes, uint64_t{8192});
        QVERIFY(resolver.learned().isEmpty());
        QCOMPARE(m_images.asked, 0);
    }

    void anUnknownChainIsLookedIntoAndLearned() {
        const QList<DiskLayer> learned = knownUserChain();
        QCOMPARE(paths(learned), (QStringList{path("base.img"), path("middle"), path("top")}));
        QCOMPARE(learned.at(1).parent, path("base.img"));
        for (const DiskLayer& layer : learned)
            QCOMPARE(layer.stamp, fileStamp(layer.path));
    }

    void aKnownChainIsNotLookedIntoAgain() {
        ChainResolver resolver(knownUserChain(), m_images);
        QCOMPARE(resolver.resolve(disk(path("top")))->size(), 3);
        QCOMPARE(m_images.asked, 0);
        QVERIFY(resolver.learned().isEmpty());
    }

    void aTopOfTheUsersThatWasWrittenToIsLookedIntoAgain() {
        const QList<DiskLayer> known = knownUserChain();
        make("top", 8192);
        m_images.notes[path("top")] = {2 << 20, path("base.img"), DiskFormat::Raw};
        ChainResolver resolver(known, m_images);
        const auto chain = resolver.resolve(disk(path("top")));
        QCOMPARE(paths(*chain), (QStringList{path("base.img"), path("top")}));
        QCOMPARE(resolver.learned(), QList{chain->last()});
    }

    void overlaysOfTheProgramAreTakenFromTheLibrary() {
        const QList<DiskLayer> known = programChain();
        m_images.notes[path("top")].backing = QStringLiteral("/moved/away"); // its old name
        ChainResolver first(known, m_images);
        const auto chain = first.resolve(disk(path("top")));
        QVERIFY(chain);
        QCOMPARE(paths(*chain), paths(known));
        QCOMPARE(m_images.asked, 1); // the middle one, which was the top of the last run
        QCOMPARE(paths(first.learned()), (QStringList{path("base.img"), path("middle")}));

        QList<DiskLayer> now = first.learned();
        now << known.last();
        make("top", 12345); // the last run wrote to it
        ChainResolver second(now, m_images);
        QVERIFY(second.resolve(disk(path("top"))));
        QCOMPARE(m_images.asked, 1);
        QVERIFY(second.learned().isEmpty());
    }

    void aBackingFileThatDoesNotFitIsRefused_data() {
        QTest::addColumn<int>("owner");
        QTest::addColumn<QString>("deed");
        QTest::addColumn<ErrorCode>("code");
        for (int owner : {0, 1}) {
            const char* whose = owner == 0 ? "user" : "program";
            const auto row = [&](const char* deed, ErrorCode code) {
                QTest::addRow("%s, %s", deed, whose) << owner << QString::fromLatin1(deed) << code;
            };
            row("base missing", ErrorCode::NotFound);
            row("base a folder", ErrorCode::InvalidArgument);
            row("base grown", ErrorCode::Corrupt);
            row("base truncated", ErrorCode::Corrupt);
            row("middle missing", ErrorCode::NotFound);
            row("middle no image", ErrorCode::Corrupt);
            row("middle resized", ErrorCode::Corrupt);
        }
        QTest::addRow("middle rebased")
            << 0 << QStringLiteral("middle rebased") << ErrorCode::Corrupt;
    }
    void aBackingFileThatDoesNotFitIsRefused() {
        QFETCH(int, owner);
        QFETCH(QString, deed);
        QFETCH(ErrorCode, code);
        const QList<DiskLayer> known = owner == 0 ? knownUserChain() : programChain();
        QString bad = path("middle"), above = path("top");
        if (deed.startsWith(QStringLiteral("base"))) {
            bad = path("base.img");
            above = path("middle");
        }
        if (deed.endsWith(QStringLiteral("missing"))) {
            QFile::remove(bad);
        } else if (deed.endsWith(QStringLiteral("folder"))) {
            QFile::remove(bad);
            QVERIFY(QDir().mkdir(bad));
        } else if (deed.endsWith(QStringLiteral("grown"))) {
            make("base.img", 8192);
        } else if (deed.endsWith(QStringLiteral("truncated"))) {
            make("base.img", 512);
        } else {
            make("middle", 5000);
            if (deed.endsWith(QStringLiteral("image")))
                m_images.notes.remove(bad);
            else if (deed.endsWith(QStringLiteral("resized")))
                m_images.notes[bad].sizeBytes *= 2;
            else
                m_images.notes[bad].backing = make("other.img");
        }
        ChainResolver resolver(known, m_images);
        const auto refused = resolver.resolve(disk(path("top")));
        QVERIFY(!refused);
        QVERIFY2(names(refused.error(), {bad, above}), refused.error().detail.c_str());
        QCOMPARE(refused.error().code, code);
        QVERIFY(resolver.learned().isEmpty());
    }

    void aBaseOfTheUsersWithOtherContentIsRefused() {
        const QList<DiskLayer> known = knownUserChain();
        const auto fill = [this](char with) {
            QFile file(path("base.img"));
            return file.open(QIODevice::ReadWrite) && file.write(QByteArray(16, with)) == 16;
        };
        QVERIFY(fill('x'));
        ChainResolver changed(known, m_images);
        const auto refused = changed.resolve(disk(path("top")));
        QVERIFY(!refused);
        QVERIFY2(names(refused.error(), {path("base.img"), path("middle")}),
                 refused.error().detail.c_str());
        QCOMPARE(refused.error().code, ErrorCode::Corrupt);
        // The same when the top is looked into again, and no longer when the old content is back.
        make("top", 8192);
        ChainResolver again(known, m_images);
        QVERIFY(!again.resolve(disk(path("top"))));
        QVERIFY(fill('\0'));
        ChainResolver back(known, m_images);
        QVERIFY(back.resolve(disk(path("top"))));
        QCOMPARE(back.learned().first().path, path("base.img"));
        QCOMPARE(back.learned().first().fingerprint, known.first().fingerprint);
        QVERIFY(!known.first().fingerprint.isEmpty());
    }

    void whatOthersStandOnIsOnlyRead() {
        const QList<DiskLayer> known = knownUserChain();
        ChainResolver resolver(known, m_images);
        const auto refused = resolver.resolve(disk(path("middle")));
        QCOMPARE(refused.error().code, ErrorCode::Busy);
        QVERIFY(names(refused.error(), {path("middle"), path("top")}));
        DriveSettings reader = disk(path("middle"));
        reader.readOnly = true;
        QVERIFY(resolver.resolve(reader));
        QCOMPARE(resolver.resolve(disk(path("base.img"), DiskFormat::Raw)).error().code,
                 ErrorCode::Busy);
    }

    void aChainOfTheLibraryHasAtMost64Files() {
        QList<DiskLayer> known;
        for (int i = 0; i <= 64; ++i) {
            DiskLayer layer;
            layer.path = make(QByteArray::number(i).constData());
            layer.parent = known.isEmpty() ? QString() : known.last().path;
            layer.owner = DiskLayer::Owner::Program;
            layer.stamp = fileStamp(layer.path);
            known.append(layer);
        }
        DriveSettings drive = disk(known.at(63).path);
        drive.readOnly = true;
        QCOMPARE(ChainResolver(known, m_images).resolve(drive)->size(), 64);
        QCOMPARE(ChainResolver(known, m_images).resolve(disk(known.at(64).path)).error().code,
                 ErrorCode::LimitExceeded);
    }

    void aMissingTopIsLeftToWhoeverOpensIt() {
        ChainResolver resolver({}, m_images);
        QCOMPARE(paths(*resolver.resolve(disk(path("none")))), QStringList{path("none")});
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    NotedImages m_images;
};

} // namespace vivarium::test

using vivarium::test::ChainResolverTest;
VIVARIUM_TEST(ChainResolverTest)
#include "chain_resolver_test.moc"
