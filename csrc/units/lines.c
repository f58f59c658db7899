/* Kernels that go along lines: reductions, running sums, normalisation, softmax. */
#define TK_UNIT tk_lines_
#define TK_BODIES "../units/lines.h"
#define LINEWISE(...) {__VA_ARGS__}
#include "../kernels/unit.h"
