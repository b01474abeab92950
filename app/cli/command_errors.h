#pragma once

#include "app/cli/printer.h"

// In a command: the value of a Result, or its error printed and its exit status returned.
#define TRY_OR_EXIT(expression)                                                                    \
    ({                                                                                             \
        auto commandResult_ = (expression);                                                        \
        if (!commandResult_)                                                                       \
            return static_cast<int>(vivarium::cli::printError(commandResult_.error()));            \
        vivarium::detail::takeValue(std::move(commandResult_));                                    \
    })
