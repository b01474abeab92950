#include "vmm/devices/legacy/rtc_calendar.h"

#include <algorithm>

namespace vivarium {

namespace {

// The calendar repeats after 400 years. Years are counted from March, so that the day that leap
// years add is the last one of its year.
constexpr int64_t kDaysPerEra = 146097;
constexpr int64_t kDaysToEpoch = 719468; // from 0000-03-01 to 1970-01-01

int64_t floorDivide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

// Days of a March-based year before its month 0..11: 31, 30, 31, 30, 31, twice over.
int64_t daysBeforeMonth(int64_t month) {
    return (153 * month + 2) / 5;
}

} // namespace

CalendarDate calendarDate(int64_t second) {
    int64_t days = floorDivide(second, kSecondsPerDay);
    auto ofDay = static_cast<uint32_t>(second - days * kSecondsPerDay);
    int64_t shifted = days + kDaysToEpoch;
    int64_t era = floorDivide(shifted, kDaysPerEra);
    int64_t dayOfEra = shifted - era * kDaysPerEra;
    int64_t yearOfEra =
        (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / (kDaysPerEra - 1)) / 365;
    int64_t dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    int64_t month = (5 * dayOfYear + 2) / 153;

    CalendarDate date{};
    date.day = static_cast<uint32_t>(dayOfYear - daysBeforeMonth(month) + 1);
    date.month = static_cast<uint32_t>(month < 10 ? month + 3 : month - 9);
    date.year = era * 400 + yearOfEra + (date.month <= 2 ? 1 : 0);
    date.hour = ofDay / 3600;
    date.minute = ofDay / 60 % 60;
    date.second = ofDay % 60;
    // 1970-01-01 was a Thursday.
    date.weekday = static_cast<uint32_t>(days + 4 - floorDivide(days + 4, 7) * 7) + 1;
    return date;
}

int64_t calendarSecond(const CalendarDate& date) {
    int64_t monthsFromMarch = int64_t{std::max(date.month, 1u)} - 3;
    int64_t year = date.year + floorDivide(monthsFromMarch, 12);
    int64_t month = monthsFromMarch - floorDivide(monthsFromMarch, 12) * 12;
    int64_t era = floorDivide(year, 400);
    int64_t yearOfEra = year - era * 400;
    int64_t days = era * kDaysPerEra + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 +
                   daysBeforeMonth(month) + std::max(date.day, 1u) - 1 - kDaysToEpoch;
    return days * kSecondsPerDay + int64_t{date.hour} * 3600 + int64_t{date.minute} * 60 +
           date.second;
}

} // namespace vivarium
