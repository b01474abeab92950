#pragma once

#include <cstdint>

namespace vivarium {

// A date and time of the proleptic Gregorian calendar, without time zone.
struct CalendarDate {
    int64_t year;
    uint32_t month;   // 1..12
    uint32_t day;     // 1..31
    uint32_t hour;    // 0..23
    uint32_t minute;  // 0..59
    uint32_t second;  // 0..59
    uint32_t weekday; // 1..7, Sunday is 1
};

constexpr int64_t kSecondsPerDay = 86400;

// `second` counts from 1970-01-01 00:00:00; |second| < 2^52.
CalendarDate calendarDate(int64_t second);

// The inverse; the weekday is ignored. Fields beyond their range carry over (30 February is 1 or
// 2 March, month 13 is January of the next year); month and day 0 count as 1. |year| < 2^20.
int64_t calendarSecond(const CalendarDate& date);

} // namespace vivarium
