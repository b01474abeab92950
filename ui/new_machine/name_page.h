#pragma once

#include "core/provision/iso_inspection.h"
#include "ui/new_machine/wizard_page.h"

#include <QTimer>

class QComboBox;
class QLineEdit;

namespace vivarium {

class InlineMessage;
class Library;
class PathCheck;
class PathField;

// Name, folder, optical image and guest type. The image is inspected in the background; what it
// suggests is taken until the user chooses a type himself.
class NamePage : public WizardPage {
    Q_OBJECT
public:
    NamePage(const Library& library, const QString& mediaFolder, NewMachineDraft& draft,
             QWidget* parent);

    void suggestImage(const QString& path);
    void suggestName(const QString& name);

    bool isComplete() const override;
    bool validatePage() override;

private:
    void checkName();
    void checkFolder();
    void inspectImage();
    void showInspection(const Result<IsoInfo>& result);
    void suggestFromName();
    void suggest(const QString& guestTypeId);
    QString parentFolder() const;

    const Library& m_library;
    QLineEdit* m_name;
    InlineMessage* m_nameMessage;
    PathField* m_folder;
    InlineMessage* m_folderMessage;
    PathCheck* m_folderCheck = nullptr;
    PathField* m_image;
    InlineMessage* m_imageMessage;
    QComboBox* m_guestType;
    QTimer m_inspectionDelay; // not one inspection for every key
    QString m_inspectedPath;
    bool m_imageUsable = true;
    bool m_userChoseType = false;
    bool m_imageSuggestedType = false;
};

} // namespace vivarium
