#include "ui/details/log_view.h"

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"

#include <QEvent>
#include <QFile>
#include <QFileInfo>
#include <QFileSystemWatcher>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QTabWidget>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace vivarium {

namespace {

struct LogPart {
    QString text;
    bool exists = false;
    bool truncated = false;
};

LogPart readLog(const QString& path) {
    LogPart part;
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return part;
    part.exists = true;
    if (file.size() > LogView::kMaxShownBytes) {
        part.truncated = true;
        file.seek(file.size() - LogView::kMaxShownBytes);
        file.readLine(); // the first line is cut
    }
    part.text = QString::fromUtf8(file.read(LogView::kMaxShownBytes));
    return part;
}

} // namespace

LogView::LogView(Library& library, const Supervisor& supervisor, QWidget* parent)
    : QWidget(parent), m_library(library), m_supervisor(supervisor), m_tabs(new QTabWidget(this)),
      m_events(new QTreeWidget(m_tabs)), m_logPage(new QWidget(m_tabs)),
      m_log(new QPlainTextEdit(m_logPage)), m_find(new QLineEdit(m_logPage)),
      m_note(new QLabel(m_logPage)) {
    m_events->setRootIsDecorated(false);
    m_events->setUniformRowHeights(true);
    m_events->setColumnCount(3);
    m_events->header()->setStretchLastSection(true);
    m_events->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    m_events->header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    m_events->setAlternatingRowColors(true);

    m_log->setReadOnly(true);
    m_log->setUndoRedoEnabled(false);
    m_log->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_log->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_find->setClearButtonEnabled(true);
    m_find->addAction(applicationIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    auto* bar = new QHBoxLayout;
    bar->addWidget(m_find, 1);
    bar->addWidget(m_note, 2);
    auto* logLayout = new QVBoxLayout(m_logPage);
    logLayout->setContentsMargins(4, 4, 4, 4);
    logLayout->addLayout(bar);
    logLayout->addWidget(m_log, 1);

    m_tabs->setDocumentMode(true);
    m_tabs->addTab(m_logPage, QString());
    m_tabs->addTab(m_events, QString());
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);

    connect(m_find, &QLineEdit::returnPressed, this, &LogView::findNext);
    connect(&library, &Library::eventAppended, this, [this](const MachineEvent& event) {
        if (event.machine == m_machine && isVisible())
            addEvent(event);
    });
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& id) {
        if (id == m_machine && isVisible()) {
            watchLog(); // a new run may have made the file anew
            loadLog();
        }
    });
    retranslate();
}

LogView::~LogView() = default;

void LogView::setMachine(const MachineId& id) {
    if (id == m_machine)
        return;
    m_machine = id;
    m_log->clear();
    m_events->clear();
    if (isVisible())
        reload();
}

QString LogView::logText() const {
    return m_log->toPlainText();
}

void LogView::reload() {
    loadEvents();
    watchLog();
    loadLog();
}

void LogView::loadEvents() {
    m_events->clear();
    if (m_machine.isNull())
        return;
    whenFinished(this, m_library.events(m_machine),
                 [this, id = m_machine](const QFuture<QList<MachineEvent>>& done) {
                     if (id != m_machine || done.resultCount() == 0)
                         return;
                     m_events->clear();
                     const QList<MachineEvent> events = done.result();
                     for (const MachineEvent& event : events)
                         addEvent(event);
                 });
}

void LogView::addEvent(const MachineEvent& event) {
    const QString time = QLocale().toString(event.time.toLocalTime(), QLocale::ShortFormat);
    auto* item =
        new QTreeWidgetItem({time, eventText(event.kind), event.detail.section(u'\n', 0, 0)});
    item->setToolTip(2, event.detail);
    const bool bad =
        event.kind == MachineEvent::Kind::Failed || event.kind == MachineEvent::Kind::Aborted;
    item->setIcon(1, applicationIcon(bad ? QStringLiteral("message-error")
                                         : QStringLiteral("message-information")));
    m_events->insertTopLevelItem(0, item); // newest first
}

void LogView::watchLog() {
    m_watcher.reset();
    const QString path = m_machine.isNull() ? QString() : m_supervisor.logPath(m_machine);
    if (path.isEmpty() || !isVisible())
        return;
    m_watcher = std::make_unique<QFileSystemWatcher>(QStringList{path});
    connect(m_watcher.get(), &QFileSystemWatcher::fileChanged, this, &LogView::loadLog);
}

void LogView::loadLog() {
    if (m_machine.isNull())
        return;
    if (m_loading) { // one read at a time; the last change is not lost
        m_reloadWanted = true;
        return;
    }
    m_loading = true;
    const QString path = m_supervisor.logPath(m_machine);
    whenFinished(this, computeInBackground([path] { return readLog(path); }),
                 [this, id = m_machine](const QFuture<LogPart>& done) {
                     m_loading = false;
                     if (std::exchange(m_reloadWanted, false) || id != m_machine) {
                         loadLog();
                         return;
                     }
                     const LogPart part = done.result();
                     QScrollBar* bar = m_log->verticalScrollBar();
                     const bool atEnd = bar->value() >= bar->maximum();
                     const int position = bar->value();
                     if (part.text != m_log->toPlainText()) {
                         m_log->setPlainText(part.text);
                         bar->setValue(atEnd ? bar->maximum() : position);
                     }
                     m_note->setText(!part.exists     ? tr("The machine has no log yet.")
                                     : part.truncated ? tr("Only the end of the log is shown.")
                                                      : QString());
                 });
}

void LogView::findNext() {
    m_note->clear();
    if (m_log->find(m_find->text()))
        return;
    m_log->moveCursor(QTextCursor::Start); // from the end on to the beginning
    if (!m_log->find(m_find->text()))
        m_note->setText(tr("Not found"));
}

void LogView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    reload();
}

void LogView::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    watchLog();
}

void LogView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void LogView::retranslate() {
    m_tabs->setTabText(0, tr("Machine Log"));
    m_tabs->setTabText(1, tr("History"));
    m_events->setHeaderLabels({tr("Time"), tr("Event"), tr("Details")});
    m_find->setPlaceholderText(tr("Find in the log"));
    m_log->setAccessibleName(tr("Machine Log"));
}

} // namespace vivarium
