#include "tests/support/test_main.h"
#include "ui/snapshots/snapshot_model.h"
#include "ui/snapshots/thumbnail_cache.h"

#include <QAbstractItemModelTester>
#include <QFont>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium {

class SnapshotModelTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void isEmptyWithoutSnapshots();
    void currentStateHangsBelowItsSnapshot();
    void changedIsSaid();
    void changeOfTextKeepsTheRows();
    void changeOfShapeIsAReset();
    void snapshotWithoutItsParentIsShown();
    void thumbnailComesLater();
    void unreadableThumbnailIsAnIcon();
    void randomTreesAreConsistent();

private:
    Snapshot snapshot(const QString& name, const SnapshotId& parent = {}) const;
    QString shape(const QModelIndex& parent = {}) const;

    std::unique_ptr<ThumbnailCache> m_thumbnails;
    std::unique_ptr<SnapshotModel> m_model;
    std::unique_ptr<QAbstractItemModelTester> m_tester;
};

void SnapshotModelTest::init() {
    m_thumbnails = std::make_unique<ThumbnailCache>();
    m_model = std::make_unique<SnapshotModel>(*m_thumbnails);
    m_tester = std::make_unique<QAbstractItemModelTester>(
        m_model.get(), QAbstractItemModelTester::FailureReportingMode::QtTest);
}

void SnapshotModelTest::cleanup() {
    m_tester.reset();
    m_model.reset();
    m_thumbnails.reset();
}

Snapshot SnapshotModelTest::snapshot(const QString& name, const SnapshotId& parent) const {
    Snapshot made;
    made.id = SnapshotId::createRandom();
    made.parent = parent;
    made.name = name;
    made.createdAt = QDateTime::currentDateTimeUtc();
    return made;
}

// "a(b(Current State) c)"
QString SnapshotModelTest::shape(const QModelIndex& parent) const {
    QStringList parts;
    for (int row = 0; row < m_model->rowCount(parent); ++row) {
        const QModelIndex index = m_model->index(row, 0, parent);
        QString part = index.data().toString();
        if (m_model->rowCount(index) > 0)
            part += u'(' + shape(index) + u')';
        parts << part;
    }
    return parts.join(u' ');
}

void SnapshotModelTest::isEmptyWithoutSnapshots() {
    m_model->setTree({}, {});
    QCOMPARE(m_model->rowCount(), 0);
    QVERIFY(!m_model->currentStateIndex().isValid());
}

void SnapshotModelTest::currentStateHangsBelowItsSnapshot() {
    const Snapshot a = snapshot(QStringLiteral("a"));
    const Snapshot b = snapshot(QStringLiteral("b"), a.id);
    const Snapshot c = snapshot(QStringLiteral("c"), a.id);
    m_model->setTree({a, b, c}, {b.id});
    QCOMPARE(shape(), QStringLiteral("a(b(Current State) c)"));
    m_model->setTree({a, b, c}, {a.id});
    QCOMPARE(shape(), QStringLiteral("a(b c Current State)"));
    QCOMPARE(m_model->childCount(a.id), 2);
    m_model->setTree({a, b, c}, {});
    QCOMPARE(shape(), QStringLiteral("a(b c) Current State"));
    QVERIFY(m_model->snapshotAt(m_model->indexOf(c.id))->id == c.id);
    QVERIFY(!m_model->snapshotAt(m_model->currentStateIndex()));
}

void SnapshotModelTest::changedIsSaid() {
    const Snapshot a = snapshot(QStringLiteral("a"));
    m_model->setTree({a}, {a.id, true});
    const QModelIndex current = m_model->currentStateIndex();
    QCOMPARE(current.data().toString(), QStringLiteral("Current State (changed)"));
    QVERIFY(current.data(Qt::FontRole).value<QFont>().bold());
    QVERIFY(current.data(SnapshotModel::CurrentStateRole).toBool());
    QSignalSpy changes(m_model.get(), &QAbstractItemModel::dataChanged);
    m_model->setTree({a}, {a.id, false});
    QCOMPARE(changes.size(), 1);
    QCOMPARE(m_model->currentStateIndex().data().toString(), QStringLiteral("Current State"));
}

void SnapshotModelTest::changeOfTextKeepsTheRows() {
    Snapshot a = snapshot(QStringLiteral("a"));
    const Snapshot b = snapshot(QStringLiteral("b"), a.id);
    m_model->setTree({a, b}, {b.id});
    const QPersistentModelIndex row = m_model->indexOf(a.id);
    QSignalSpy resets(m_model.get(), &QAbstractItemModel::modelReset);
    QSignalSpy changes(m_model.get(), &QAbstractItemModel::dataChanged);
    a.name = QStringLiteral("renamed");
    m_model->setTree({a, b}, {b.id});
    QCOMPARE(resets.size(), 0);
    QCOMPARE(changes.size(), 1);
    QCOMPARE(row.data().toString(), QStringLiteral("renamed"));
}

void SnapshotModelTest::changeOfShapeIsAReset() {
    const Snapshot a = snapshot(QStringLiteral("a"));
    Snapshot b = snapshot(QStringLiteral("b"), a.id);
    m_model->setTree({a, b}, {b.id});
    QSignalSpy resets(m_model.get(), &QAbstractItemModel::modelReset);
    b.parent = {};
    m_model->setTree({b}, {b.id});
    QCOMPARE(resets.size(), 1);
    QCOMPARE(shape(), QStringLiteral("b(Current State)"));
}

void SnapshotModelTest::snapshotWithoutItsParentIsShown() {
    const Snapshot lost = snapshot(QStringLiteral("lost"), SnapshotId::createRandom());
    m_model->setTree({lost}, {SnapshotId::createRandom()});
    QCOMPARE(shape(), QStringLiteral("lost Current State"));
}

void SnapshotModelTest::thumbnailComesLater() {
    const QTemporaryDir folder;
    Snapshot a = snapshot(QStringLiteral("a"));
    a.automatic = true;
    a.thumbnailPath = folder.filePath(QStringLiteral("thumbnail.png"));
    QImage picture(320, 200, QImage::Format_RGB32);
    picture.fill(Qt::red);
    QVERIFY(picture.save(a.thumbnailPath));
    m_model->setTree({a}, {a.id});
    const QModelIndex index = m_model->indexOf(a.id);
    const auto topLeft = [&index] {
        return index.data(Qt::DecorationRole)
            .value<QIcon>()
            .pixmap(128, 80)
            .toImage()
            .pixelColor(2, 2);
    };
    QVERIFY(topLeft() != QColor(Qt::red)); // still the clock
    QSignalSpy changes(m_model.get(), &QAbstractItemModel::dataChanged);
    QVERIFY(changes.wait());
    QCOMPARE(topLeft(), QColor(Qt::red));
}

void SnapshotModelTest::unreadableThumbnailIsAnIcon() {
    Snapshot a = snapshot(QStringLiteral("a"));
    a.thumbnailPath = QStringLiteral("/nonexistent/thumbnail.png");
    m_model->setTree({a}, {a.id});
    QSignalSpy loaded(m_thumbnails.get(), &ThumbnailCache::loaded);
    QVERIFY(!m_model->indexOf(a.id).data(Qt::DecorationRole).value<QIcon>().isNull());
    QVERIFY(loaded.wait());
    QVERIFY(!m_model->indexOf(a.id).data(Qt::DecorationRole).value<QIcon>().isNull());
    QCOMPARE(loaded.size(), 1); // not tried again
}

void SnapshotModelTest::randomTreesAreConsistent() {
    QRandomGenerator random(20);
    for (int round = 0; round < 50; ++round) {
        QList<Snapshot> snapshots;
        for (quint32 i = random.bounded(12u); i > 0; --i) {
            const SnapshotId parent =
                snapshots.isEmpty() || random.bounded(5) == 0
                    ? SnapshotId()
                    : snapshots.at(random.bounded(static_cast<int>(snapshots.size()))).id;
            snapshots << snapshot(QString::number(i), parent);
        }
        const SnapshotId current = snapshots.isEmpty() ? SnapshotId() : snapshots.last().id;
        m_model->setTree(snapshots, {current, round % 2 == 0});
        for (const Snapshot& one : std::as_const(snapshots))
            QCOMPARE(m_model->snapshotAt(m_model->indexOf(one.id))->name, one.name);
    }
}

} // namespace vivarium

using vivarium::SnapshotModelTest;
VIVARIUM_TEST(SnapshotModelTest)
#include "snapshot_model_test.moc"
