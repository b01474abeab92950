#include "ui/snapshots/take_snapshot_dialog.h"

#include "core/snapshots/snapshot_service.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/guest_display.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/inline_message.h"

#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>

namespace vivarium {

namespace {
constexpr QSize kPictureSize(160, 120);
}

TakeSnapshotDialog::TakeSnapshotDialog(const SnapshotService& service, GuestDisplays& displays,
                                       const MachineId& machine, QWidget* parent)
    : QDialog(parent), m_display(displays.open(machine)), m_picture(new QLabel(this)),
      m_nameLabel(new QLabel(this)), m_name(new QLineEdit(this)),
      m_descriptionLabel(new QLabel(this)), m_description(new QPlainTextEdit(this)),
      m_problem(new InlineMessage(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    m_name->setText(service.defaultName(machine));
    m_name->selectAll();
    m_name->setObjectName(QStringLiteral("name"));
    m_nameLabel->setBuddy(m_name);
    m_description->setTabChangesFocus(true);
    m_description->setObjectName(QStringLiteral("description"));
    m_descriptionLabel->setBuddy(m_description);
    m_picture->setAlignment(Qt::AlignCenter);
    m_picture->setFixedSize(kPictureSize);
    auto* grid = new QGridLayout(this);
    grid->addWidget(m_picture, 0, 0, 5, 1, Qt::AlignTop);
    grid->addWidget(m_nameLabel, 0, 1);
    grid->addWidget(m_name, 1, 1);
    grid->addWidget(m_problem, 2, 1);
    grid->addWidget(m_descriptionLabel, 3, 1);
    grid->addWidget(m_description, 4, 1);
    grid->addWidget(m_buttons, 5, 0, 1, 2);
    grid->setColumnStretch(1, 1);
    grid->setRowStretch(4, 1);
    grid->setHorizontalSpacing(12);
    resize(520, 280);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_name, &QLineEdit::textChanged, this, &TakeSnapshotDialog::check);
    connect(m_description, &QPlainTextEdit::textChanged, this, &TakeSnapshotDialog::check);
    // The picture as it is now; one that comes only when a display is opened is waited for.
    showPicture(m_display->picture());
    connect(m_display.get(), &GuestDisplay::pictureReplaced, this, [this] {
        if (!m_display->picture().isNull())
            showPicture(m_display->picture());
    });
    retranslate();
    m_name->setFocus();
}

TakeSnapshotDialog::~TakeSnapshotDialog() = default;

QString TakeSnapshotDialog::name() const {
    return m_name->text().trimmed();
}

QString TakeSnapshotDialog::description() const {
    return m_description->toPlainText();
}

void TakeSnapshotDialog::showPicture(const QImage& picture) {
    if (picture.isNull()) {
        m_picture->setPixmap(applicationIcon(QStringLiteral("snapshot")).pixmap(96, 96));
        return;
    }
    const qreal ratio = devicePixelRatioF();
    QImage small =
        picture.scaled(kPictureSize * ratio, Qt::KeepAspectRatio, Qt::SmoothTransformation);
    small.setDevicePixelRatio(ratio);
    m_picture->setPixmap(QPixmap::fromImage(small));
}

void TakeSnapshotDialog::check() {
    Snapshot wanted;
    // An empty name takes the default one.
    wanted.name = name().isEmpty() ? QStringLiteral("Snapshot") : name();
    wanted.description = description();
    const QList<SettingsProblem> problems = validate(wanted);
    if (problems.isEmpty())
        m_problem->clear();
    else
        m_problem->show(InlineMessage::Level::Error, problemText(problems.first()));
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(problems.isEmpty());
}

void TakeSnapshotDialog::retranslate() {
    setWindowTitle(tr("Take Snapshot of Virtual Machine"));
    m_nameLabel->setText(tr("Snapshot &Name"));
    m_descriptionLabel->setText(tr("Snapshot &Description"));
    m_picture->setAccessibleName(tr("The guest's screen"));
    m_buttons->button(QDialogButtonBox::Ok)->setText(tr("&Take"));
}

} // namespace vivarium
