/* The work descriptions that doors make and kernels read, one struct a family.
 *
 * A kernel has the type of a pool task, void f(const void *work, int64_t lo, int64_t hi): it does
 * units [lo, hi) of its family's work. A unit is the smallest independent piece of the output, so
 * any split of the units over threads gives the same bits.
 */
#ifndef TK_WORK_H
#define TK_WORK_H

#include <stdint.h>

#include "../tk.h"

enum { TK_MAP_OPERANDS = 4 };

/* Elementwise: operand 0 is the output. Dimensions are merged where every operand allows it, so a
 * contiguous launch has one. A unit is one element of the iteration space, in row-major order. */
typedef struct tk_map_work {
    char *data[TK_MAP_OPERANDS];
    double p, q; /* scalar parameters of the kernel: a slope, the two ends of a clamp */
    int32_t ndim;
    int64_t size[TK_MAX_NDIM];
    int64_t stride[TK_MAP_OPERANDS][TK_MAX_NDIM]; /* bytes; 0 where the operand is expanded */
} tk_map_work;

/* A list of n contiguous tensors of one dtype. A unit is one element of their concatenation, for
 * total_norm a chunk of TK_NORM_CHUNK elements of one tensor. */
enum { TK_NORM_CHUNK = 1024 }; /* elements: a staging buffer of 8 KiB in double */
typedef struct tk_list_work {
    int32_t n;
    const int64_t *start; /* n + 1: the first unit of each tensor, then how many there are */
    const int64_t *numel; /* n */
    char *const *data[5]; /* parameters, gradients, three states; NULL entries: unused states */
    const double *hyper;  /* optimizers: by TK_HYPER_*; clamp_all: both ends; total_norm: p */
    const char *factor;   /* scale_all: one element of the tensors' dtype */
    double *partial;      /* total_norm: the sum or maximum of each chunk */
} tk_list_work;

/* Random numbers into operand 0 of the map. A unit is a group of 64 random words (simd/philox.h) and
 * the 64 or 32 elements made of it; randperm is one unit, its output contiguous. */
typedef struct tk_random_work {
    tk_map_work map;
    int64_t numel;
    uint64_t seed;
    uint64_t offset; /* the group of unit 0 */
    double p, q;     /* uniform: both ends; normal: mean, standard deviation; exponential: rate */
    uint64_t limit;  /* bernoulli, dropout_mask: p 2^32; randint: how many integers, low and on */
    int64_t low;
} tk_random_work;

#endif
