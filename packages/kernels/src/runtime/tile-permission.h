// AMX's tiles are 8 KiB more to save when threads take turns, so Linux lets only those use them who ask.
#pragma once

namespace whittle {

// Asks for the whole process; whether it was granted.
bool tilesPermitted();

}  // namespace whittle
