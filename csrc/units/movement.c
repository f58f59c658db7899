/* Kernels that move values: by index, by order, by a function of the host. */
#define TK_UNIT tk_movement_
#define TK_BODIES "../units/movement.h"
#define MOVEMENT(...) {__VA_ARGS__}
#include "../kernels/unit.h"
