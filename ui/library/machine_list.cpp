#include "ui/library/machine_list.h"

#include "core/database/library.h"
#include "ui/library/machine_delegate.h"
#include "ui/library/machine_filter_model.h"
#include "ui/library/machine_tree_model.h"
#include "ui/widgets/icons.h"

#include <QAction>
#include <QComboBox>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QSettings>
#include <QTreeView>
#include <QVBoxLayout>

namespace vivarium {

MachineList::MachineList(const Library& library, MachineTreeModel& model, QWidget* parent)
    : QWidget(parent), m_library(library), m_model(model), m_filter(new MachineFilterModel(this)),
      m_search(new QLineEdit(this)), m_tags(new QComboBox(this)), m_view(new QTreeView(this)),
      m_nothingFound(new QLabel(m_view)) {
    m_filter->setSourceModel(&model);

    m_search->setClearButtonEnabled(true);
    m_search->addAction(applicationIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_search->installEventFilter(this);
    m_tags->setSizeAdjustPolicy(QComboBox::AdjustToContents);

    m_view->setModel(m_filter);
    m_view->setItemDelegate(new MachineDelegate(m_view));
    m_view->setHeaderHidden(true);
    m_view->setIndentation(16);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setEditTriggers(QAbstractItemView::EditKeyPressed);
    m_view->setDragDropMode(QAbstractItemView::DragDrop);
    m_view->setDefaultDropAction(Qt::MoveAction);
    m_view->setContextMenuPolicy(Qt::CustomContextMenu);
    m_view->setExpandsOnDoubleClick(true);
    m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->expandAll();

    m_nothingFound->setAlignment(Qt::AlignCenter);
    m_nothingFound->setWordWrap(true);
    m_nothingFound->setForegroundRole(QPalette::PlaceholderText);
    m_nothingFound->setAttribute(Qt::WA_TransparentForMouseEvents);
    m_nothingFound->hide();

    auto* searchRow = new QHBoxLayout;
    searchRow->setContentsMargins(4, 4, 4, 0);
    searchRow->addWidget(m_search, 1);
    searchRow->addWidget(m_tags);
    auto* overlay = new QVBoxLayout(m_view);
    overlay->addWidget(m_nothingFound);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addLayout(searchRow);
    layout->addWidget(m_view, 1);

    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        rememberSelection();
        m_filter->setSearchText(text);
        if (m_filter->isFiltering())
            m_view->expandAll();
        filterChanged();
    });
    connect(m_tags, &QComboBox::activated, this, [this] {
        rememberSelection();
        m_filter->setTag(m_tags->currentData().toString());
        m_view->expandAll();
        filterChanged();
    });
    connect(m_view->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &MachineList::selectionChanged);
    connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &MachineList::selectionChanged);
    connect(m_view, &QTreeView::activated, this, [this](const QModelIndex& index) {
        const auto id = index.data(MachineTreeModel::IdRole).value<MachineId>();
        if (!id.isNull())
            Q_EMIT
        activated(id);
    });
    connect(m_view, &QTreeView::customContextMenuRequested, this, [this](const QPoint& position) {
        Q_EMIT
        contextMenuRequested(m_view->viewport()->mapToGlobal(position));
    });
    connect(m_filter, &QAbstractItemModel::rowsInserted, this, &MachineList::expandNewGroups);
    connect(m_filter, &QAbstractItemModel::rowsInserted, this, &MachineList::updateEmptyText);
    connect(m_filter, &QAbstractItemModel::rowsRemoved, this, &MachineList::updateEmptyText);
    connect(&library, &Library::machineAdded, this, &MachineList::updateTags);
    connect(&library, &Library::machineRemoved, this, &MachineList::updateTags);
    connect(&library, &Library::machineChanged, this, &MachineList::updateTags);
    updateTags();
    retranslate();
}

QList<MachineId> MachineList::selectedMachines() const {
    QList<MachineId> machines;
    QModelIndexList indexes = m_view->selectionModel()->selectedIndexes();
    for (const QModelIndex& index : indexes)
        collect(index, machines);
    return machines;
}

void MachineList::collect(const QModelIndex& index, QList<MachineId>& machines) const {
    const auto id = index.data(MachineTreeModel::IdRole).value<MachineId>();
    if (!id.isNull()) {
        if (!machines.contains(id))
            machines << id;
        return;
    }
    for (int row = 0; row < m_filter->rowCount(index); ++row)
        collect(m_filter->index(row, 0, index), machines);
}

MachineId MachineList::currentMachine() const {
    const QModelIndex current = m_view->currentIndex();
    if (!m_view->selectionModel()->isSelected(current))
        return {};
    return current.data(MachineTreeModel::IdRole).value<MachineId>();
}

QString MachineList::currentGroup() const {
    return m_view->currentIndex().data(MachineTreeModel::GroupRole).toString();
}

void MachineList::select(const MachineId& id) {
    const QModelIndex index = m_filter->mapFromSource(m_model.indexOf(id));
    if (!index.isValid())
        return;
    // The view's own setCurrentIndex() would toggle while Ctrl is held for a shortcut.
    m_view->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                         QItemSelectionModel::Rows);
    m_view->scrollTo(index);
}

void MachineList::setHidden(const QSet<MachineId>& machines) {
    m_filter->setHidden(machines);
}

void MachineList::editCurrentName() {
    m_view->setFocus();
    m_view->edit(m_view->currentIndex());
}

void MachineList::focusSearch() {
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

void MachineList::expandNewGroups(const QModelIndex& parent, int first, int last) {
    // New groups show what is in them, except the ones that the user has folded.
    if (parent.isValid() &&
        !m_foldedGroups.contains(parent.data(MachineTreeModel::GroupRole).toString()))
        m_view->expand(parent);
    for (int row = first; row <= last; ++row) {
        const QModelIndex index = m_filter->index(row, 0, parent);
        if (m_filter->hasChildren(index) &&
            !m_foldedGroups.contains(index.data(MachineTreeModel::GroupRole).toString()))
            m_view->expandRecursively(index);
    }
}

void MachineList::updateTags() {
    const QStringList tags = m_library.tags();
    QStringList shown;
    for (int i = 1; i < m_tags->count(); ++i)
        shown << m_tags->itemData(i).toString();
    if (m_tags->count() > 0 && shown == tags)
        return;
    const QString chosen = m_tags->currentData().toString();
    m_tags->clear();
    m_tags->addItem(tr("All Tags"), QString());
    for (const QString& tag : tags)
        m_tags->addItem(tag, tag);
    const int index = m_tags->findData(chosen);
    m_tags->setCurrentIndex(qMax(0, index));
    m_tags->setVisible(!tags.isEmpty());
    if (index < 0)
        m_filter->setTag(QString());
}

void MachineList::rememberSelection() {
    if (const MachineId id = currentMachine(); !id.isNull())
        m_lastSelected = id;
}

void MachineList::filterChanged() {
    if (!m_view->selectionModel()->hasSelection())
        select(m_lastSelected);
    updateEmptyText();
}

void MachineList::updateEmptyText() {
    m_nothingFound->setVisible(m_filter->isFiltering() && m_filter->rowCount() == 0);
}

bool MachineList::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_search && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Escape) {
            m_search->clear();
            m_view->setFocus();
            return true;
        }
        if (key == Qt::Key_Down || key == Qt::Key_Return || key == Qt::Key_Enter) {
            m_view->setFocus();
            if (!m_view->selectionModel()->hasSelection())
                m_view->setCurrentIndex(m_view->indexAt(QPoint(1, 1)));
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

void MachineList::saveLayout(QSettings& settings) const {
    QStringList folded;
    const auto visit = [&](const auto& self, const QModelIndex& parent) -> void {
        for (int row = 0; row < m_filter->rowCount(parent); ++row) {
            const QModelIndex index = m_filter->index(row, 0, parent);
            if (m_filter->rowCount(index) == 0)
                continue;
            if (!m_view->isExpanded(index))
                folded << index.data(MachineTreeModel::GroupRole).toString();
            self(self, index);
        }
    };
    if (!m_filter->isFiltering()) {
        visit(visit, {});
        settings.setValue(QStringLiteral("foldedGroups"), folded);
    }
    settings.setValue(QStringLiteral("currentMachine"), currentMachine().toString());
}

void MachineList::restoreLayout(const QSettings& settings) {
    m_foldedGroups = settings.value(QStringLiteral("foldedGroups")).toStringList();
    for (const QString& group : std::as_const(m_foldedGroups))
        m_view->collapse(m_filter->mapFromSource(m_model.indexOfGroup(group)));
    const auto wanted =
        MachineId::fromString(settings.value(QStringLiteral("currentMachine")).toString());
    if (m_model.indexOf(wanted).isValid())
        select(wanted);
    else if (!m_library.machines().isEmpty())
        select(m_library.machines().first().id);
}

void MachineList::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void MachineList::retranslate() {
    m_search->setPlaceholderText(tr("Search machines"));
    m_search->setToolTip(tr("Finds machines by name, tag or note (Ctrl+F)"));
    m_search->setAccessibleName(tr("Search machines"));
    m_tags->setAccessibleName(tr("Show machines with a tag"));
    m_tags->setToolTip(tr("Show only machines with this tag"));
    if (m_tags->count() > 0)
        m_tags->setItemText(0, tr("All Tags"));
    m_view->setAccessibleName(tr("Machines"));
    m_nothingFound->setText(tr("No machine matches."));
}

} // namespace vivarium
