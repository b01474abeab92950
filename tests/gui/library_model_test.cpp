#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/library/machine_filter_model.h"
#include "ui/library/machine_tree_model.h"

#include <QAbstractItemModelTester>
#include <QMimeData>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>

namespace vivarium::test {

// The tree and its filter, watched by Qt's model tester while the library changes.
class LibraryModelTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void startsSorted();
    void groupsComeAndGo();
    void renamingSorts();
    void removingPrunesGroups();
    void filters();
    void draggingAsksToMove();
    void randomChangesKeepItConsistent();

private:
    QString shape(const QAbstractItemModel& model, const QModelIndex& parent = {}) const;
    void update(const MachineId& id, const std::function<void(Machine&)>& change);

    std::unique_ptr<GuiFixture> m_fixture;
    std::unique_ptr<MachineTreeModel> m_model;
    std::unique_ptr<MachineFilterModel> m_filter;
    std::unique_ptr<QAbstractItemModelTester> m_treeTester;
    std::unique_ptr<QAbstractItemModelTester> m_filterTester;
};

void LibraryModelTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_model = std::make_unique<MachineTreeModel>(m_fixture->library(), m_fixture->supervisor());
    m_filter = std::make_unique<MachineFilterModel>();
    m_filter->setSourceModel(m_model.get());
    const auto mode = QAbstractItemModelTester::FailureReportingMode::QtTest;
    m_treeTester = std::make_unique<QAbstractItemModelTester>(m_model.get(), mode);
    m_filterTester = std::make_unique<QAbstractItemModelTester>(m_filter.get(), mode);
}

void LibraryModelTest::cleanup() {
    m_filterTester.reset();
    m_treeTester.reset();
    m_filter.reset();
    m_model.reset();
    m_fixture.reset();
}

// "a b work(c servers(d))"
QString LibraryModelTest::shape(const QAbstractItemModel& model, const QModelIndex& parent) const {
    QStringList parts;
    for (int row = 0; row < model.rowCount(parent); ++row) {
        const QModelIndex index = model.index(row, 0, parent);
        const QString children = shape(model, index);
        parts << index.data().toString() +
                     (children.isEmpty() ? QString() : QStringLiteral("(%1)").arg(children));
    }
    return parts.join(u' ');
}

void LibraryModelTest::update(const MachineId& id, const std::function<void(Machine&)>& change) {
    Machine machine = *m_fixture->library().find(id);
    change(machine);
    QVERIFY(waitFor(m_fixture->library().update(machine)));
}

void LibraryModelTest::startsSorted() {
    for (const char16_t* name : {u"zebra", u"ant", u"Bee"})
        m_fixture->addMachine(QString::fromUtf16(name));
    m_fixture->addMachine(QStringLiteral("cow"), QStringLiteral("farm"));
    const MachineTreeModel later(m_fixture->library(), m_fixture->supervisor());
    QCOMPARE(shape(later), QStringLiteral("farm(cow) ant Bee zebra"));
    QCOMPARE(shape(*m_model), shape(later));
}

void LibraryModelTest::groupsComeAndGo() {
    const MachineId web = m_fixture->addMachine(QStringLiteral("web"));
    const MachineId db = m_fixture->addMachine(QStringLiteral("db"));
    update(web, [](Machine& machine) { machine.group = QStringLiteral("work/servers"); });
    QCOMPARE(shape(*m_model), QStringLiteral("work(servers(web)) db"));
    update(db, [](Machine& machine) { machine.group = QStringLiteral("work"); });
    QCOMPARE(shape(*m_model), QStringLiteral("work(servers(web) db)"));
    QCOMPARE(m_model->indexOfGroup(QStringLiteral("work"))
                 .data(MachineTreeModel::MachineCountRole)
                 .toInt(),
             2);
    update(web, [](Machine& machine) { machine.group.clear(); });
    QCOMPARE(shape(*m_model), QStringLiteral("work(db) web"));
}

void LibraryModelTest::renamingSorts() {
    const MachineId a = m_fixture->addMachine(QStringLiteral("a"));
    m_fixture->addMachine(QStringLiteral("b"));
    m_fixture->addMachine(QStringLiteral("c"));
    const QPersistentModelIndex index = m_model->indexOf(a);
    update(a, [](Machine& machine) { machine.settings.name = QStringLiteral("z"); });
    QCOMPARE(shape(*m_model), QStringLiteral("b c z"));
    QCOMPARE(index.row(), 2); // moved, not removed and added: the selection stays
    QSignalSpy asked(m_model.get(), &MachineTreeModel::renameRequested);
    m_model->setData(index, QStringLiteral(" y "), Qt::EditRole);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked.first().at(1).toString(), QStringLiteral("y"));
}

void LibraryModelTest::removingPrunesGroups() {
    const MachineId web =
        m_fixture->addMachine(QStringLiteral("web"), QStringLiteral("work/servers"));
    m_fixture->addMachine(QStringLiteral("db"));
    QVERIFY(waitFor(m_fixture->library().remove(web, Library::Files::Delete)));
    QCOMPARE(shape(*m_model), QStringLiteral("db"));
}

void LibraryModelTest::filters() {
    const MachineId web = m_fixture->addMachine(QStringLiteral("web"), QStringLiteral("work"));
    m_fixture->addMachine(QStringLiteral("db"));
    update(web, [](Machine& machine) {
        machine.notes = QStringLiteral("runs Apache");
        machine.tags = {QStringLiteral("prod")};
    });
    m_filter->setSearchText(QStringLiteral("apache WEB"));
    QCOMPARE(shape(*m_filter), QStringLiteral("work(web)"));
    m_filter->setSearchText(QStringLiteral("nothing"));
    QCOMPARE(shape(*m_filter), QString());
    m_filter->setSearchText(QString());
    m_filter->setTag(QStringLiteral("prod"));
    QCOMPARE(shape(*m_filter), QStringLiteral("work(web)"));
    m_filter->setTag(QString());
    QCOMPARE(shape(*m_filter), QStringLiteral("work(web) db"));
}

void LibraryModelTest::draggingAsksToMove() {
    const MachineId web = m_fixture->addMachine(QStringLiteral("web"));
    m_fixture->addMachine(QStringLiteral("db"), QStringLiteral("work"));
    QSignalSpy asked(m_model.get(), &MachineTreeModel::moveRequested);
    const std::unique_ptr<QMimeData> data(m_model->mimeData({m_model->indexOf(web)}));
    const QModelIndex work = m_model->indexOfGroup(QStringLiteral("work"));
    m_model->dropMimeData(data.get(), Qt::MoveAction, -1, -1, work);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked.first().at(0).value<QList<MachineId>>(), QList<MachineId>{web});
    QCOMPARE(asked.first().at(1).toString(), QStringLiteral("work"));
    m_model->dropMimeData(data.get(), Qt::MoveAction, -1, -1, {}); // it is there already
    QCOMPARE(asked.size(), 1);
}

void LibraryModelTest::randomChangesKeepItConsistent() {
    QRandomGenerator random(7);
    const QStringList groups{QString(), QStringLiteral("a"), QStringLiteral("a/b"),
                             QStringLiteral("c"), QStringLiteral("a/b/d")};
    QList<MachineId> machines;
    for (int step = 0; step < 120; ++step) {
        const QString group = groups.at(random.bounded(static_cast<int>(groups.size())));
        const QString name =
            QStringLiteral("m%1-%2").arg(random.bounded(1000), 3, 10, QChar(u'0')).arg(step);
        const int action = machines.size() < 5 ? 0 : random.bounded(4);
        const int which =
            machines.isEmpty() ? 0 : random.bounded(static_cast<int>(machines.size()));
        if (action == 0) {
            machines << m_fixture->addMachine(name, group);
        } else if (action == 1) {
            QVERIFY(waitFor(
                m_fixture->library().remove(machines.takeAt(which), Library::Files::Delete)));
        } else {
            update(machines.at(which), [&](Machine& machine) {
                machine.group = group;
                if (action == 3)
                    machine.settings.name = name;
            });
        }
    }
    const MachineTreeModel fresh(m_fixture->library(), m_fixture->supervisor());
    QCOMPARE(shape(*m_model), shape(fresh));
}

} // namespace vivarium::test

using vivarium::test::LibraryModelTest;
VIVARIUM_TEST(LibraryModelTest)
#include "library_model_test.moc"
