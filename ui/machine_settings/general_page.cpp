#include "ui/machine_settings/general_page.h"

#include "ui/widgets/guest_type_box.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QTabWidget>
#include <QVBoxLayout>

namespace vivarium {

GeneralPage::GeneralPage(const QStringList& groups, QWidget* parent)
    : SettingsPage(parent), m_tabs(new QTabWidget(this)), m_name(new QLineEdit(this)),
      m_guestType(new QComboBox(this)), m_group(new QComboBox(this)), m_tags(new QLineEdit(this)),
      m_folder(new QLabel(this)), m_notes(new QPlainTextEdit(this)) {
    fillGuestTypes(*m_guestType);
    m_group->setEditable(true);
    m_group->addItem(QString());
    m_group->addItems(groups);
    m_folder->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_folder->setTextFormat(Qt::PlainText);
    m_folder->setWordWrap(true);
    m_notes->setTabChangesFocus(true);

    auto* basic = new QWidget(this);
    auto* form = new QFormLayout(basic);
    form->addRow(tr("&Name:"), m_name);
    form->addRow(tr("&Operating System:"), m_guestType);
    form->addRow(tr("&Group:"), m_group);
    m_group->lineEdit()->setPlaceholderText(tr("None; “Work/Servers” is a group in a group"));
    form->addRow(tr("&Tags:"), m_tags);
    m_tags->setPlaceholderText(tr("Words separated by commas"));
    form->addRow(tr("Folder:"), m_folder);
    m_tabs->addTab(basic, tr("Basic"));
    auto* notes = new QWidget(this);
    auto* notesLayout = new QVBoxLayout(notes);
    notesLayout->addWidget(m_notes);
    m_notes->setAccessibleName(tr("Notes"));
    m_tabs->addTab(notes, tr("Notes"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);

    m_name->setObjectName(QStringLiteral("name"));
    m_notes->setObjectName(QStringLiteral("notes"));
    connect(m_name, &QLineEdit::textChanged, this, &SettingsPage::changed);
    connect(m_guestType, &QComboBox::currentIndexChanged, this, &SettingsPage::changed);
    connect(m_group, &QComboBox::editTextChanged, this, &SettingsPage::changed);
    connect(m_tags, &QLineEdit::textChanged, this, &SettingsPage::changed);
    connect(m_notes, &QPlainTextEdit::textChanged, this, &SettingsPage::changed);
}

void GeneralPage::load(const Machine& machine) {
    m_name->setText(machine.settings.name);
    selectGuestType(*m_guestType, machine.settings.guestType);
    m_group->setEditText(machine.group);
    m_tags->setText(machine.tags.join(QStringLiteral(", ")));
    m_folder->setText(machine.folder);
    m_notes->setPlainText(machine.notes);
}

void GeneralPage::store(Machine& machine) const {
    machine.settings.name = m_name->text();
    machine.settings.guestType = m_guestType->currentData().toString();
    QStringList path;
    for (const QString& part : m_group->currentText().split(u'/', Qt::SkipEmptyParts))
        if (!part.trimmed().isEmpty())
            path << part.trimmed();
    machine.group = path.join(u'/');
    QStringList tags;
    for (const QString& tag : m_tags->text().split(u',', Qt::SkipEmptyParts))
        if (!tag.trimmed().isEmpty())
            tags << tag.trimmed();
    tags.removeDuplicates();
    machine.tags = tags;
    machine.notes = m_notes->toPlainText();
}

void GeneralPage::setLiveness(Liveness liveness) {
    m_guestType->setEnabled(liveness == Liveness::Stopped);
}

} // namespace vivarium
