/* Optimizers, losses and random numbers. */
#define TK_UNIT tk_training_
#define TK_BODIES "../units/training.h"
#define TRAINING(...) {__VA_ARGS__}
#include "../kernels/unit.h"
