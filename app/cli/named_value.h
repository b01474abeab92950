#pragma once

#include "core/model/setting_names.h"
#include "vmm/base/result.h"

#include <optional>
#include <string>

namespace vivarium::cli {

inline Error badValue(const std::string& option, const std::string& value,
                      const QStringList& allowed) {
    return fail(ErrorCode::InvalidArgument, option + " \"" + value + "\" is not one of " +
                                                allowed.join(QStringLiteral(", ")).toStdString() +
                                                ".");
}

// An option whose value is one of a setting's names (setting_names.h): not given, `value` stays as
// it is. Error: InvalidArgument, with the names.
template <class Enum>
Result<void> applyName(const char* option, const std::optional<std::string>& name, Enum& value) {
    if (!name)
        return {};
    const auto named = valueNamed<Enum>(QString::fromStdString(*name));
    if (!named)
        return badValue(option, *name, namesOf<Enum>());
    value = *named;
    return {};
}

} // namespace vivarium::cli
