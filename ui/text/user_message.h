#pragma once

#include <QString>

namespace vivarium {

// What a person reads when something did not work: what failed, why, and what to do next. `detail`
// is the technical English text (may have several lines), shown on request.
struct UserMessage {
    QString title;
    QString reason;
    QString advice;
    QString detail;
    // Reason and advice as one paragraph.
    QString body() const;
    bool operator==(const UserMessage&) const = default;
};

} // namespace vivarium
