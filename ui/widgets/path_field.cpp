#include "ui/widgets/path_field.h"

#include "ui/widgets/field_name.h"
#include "ui/widgets/icons.h"

#include <QDir>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QMimeData>
#include <QToolButton>
#include <QUrl>

namespace vivarium {

PathField::PathField(Kind kind, QWidget* parent)
    : QWidget(parent), m_kind(kind), m_edit(new QLineEdit(this)), m_button(new QToolButton(this)) {
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_edit, 1);
    layout->addWidget(m_button);
    m_edit->setAcceptDrops(false); // files are dropped on the whole field
    m_button->setIcon(applicationIcon(QStringLiteral("folder-open")));
    setFocusProxy(m_edit);
    setAcceptDrops(true);
    connect(m_edit, &QLineEdit::textChanged, this, [this] {
        Q_EMIT
        pathChanged(path());
    });
    connect(m_button, &QToolButton::clicked, this, &PathField::browse);
    retranslate();
}

QString PathField::path() const {
    QString text = m_edit->text().trimmed();
    if (text == u"~" || text.startsWith(u"~/"))
        text.replace(0, 1, QDir::homePath());
    return text;
}

void PathField::setPath(const QString& path) {
    m_edit->setText(QDir::toNativeSeparators(path));
}

void PathField::setPlaceholderText(const QString& text) {
    m_edit->setPlaceholderText(text);
}

void PathField::setDialog(const QString& title, const QString& filters) {
    m_title = title;
    m_filters = filters;
}

void PathField::browse() {
    const QString start = path().isEmpty() ? m_startFolder : path();
    QString chosen;
    switch (m_kind) {
    case Kind::OpenFile:
        chosen = QFileDialog::getOpenFileName(this, m_title, start, m_filters);
        break;
    case Kind::SaveFile:
        chosen = QFileDialog::getSaveFileName(this, m_title, start, m_filters);
        break;
    case Kind::Folder:
        chosen = QFileDialog::getExistingDirectory(this, m_title, start);
        break;
    }
    if (!chosen.isEmpty())
        setPath(chosen);
}

void PathField::dragEnterEvent(QDragEnterEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.size() == 1 && urls.first().isLocalFile())
        event->acceptProposedAction();
}

void PathField::dropEvent(QDropEvent* event) {
    setPath(event->mimeData()->urls().constFirst().toLocalFile());
    event->acceptProposedAction();
}

void PathField::showEvent(QShowEvent* event) {
    nameAfterLabel(*this, {m_edit});
    QWidget::showEvent(event);
}

void PathField::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void PathField::retranslate() {
    m_button->setToolTip(tr("Choose…"));
    m_button->setAccessibleName(tr("Choose…"));
}

} // namespace vivarium
