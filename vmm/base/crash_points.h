#pragma once

namespace vivarium {

// Boundaries of I/O at which a test can end a program, to see what it leaves behind. Only debug
// builds count them, and only where the variable VIVARIUM_CRASH_POINTS names a file of two 64-bit
// numbers: how many boundaries all programs with that file have met, and at which of them the one
// that meets it ends, 0 for none. core/snapshots/io_crash_test.cpp
// uses them.

// First thing in main(), before a sandbox closes the way to the file.
void openCrashPoints();
// Something that others can see comes next: a write, a sync, a new or removed name. Any thread; may
// not return.
void crashPoint();

} // namespace vivarium
