/* What a recording holds, for the files that make, read and replay it. */
#ifndef TK_TAPE_H
#define TK_TAPE_H

#include "core.h"

/* A pointer in a work struct: where it stands, and what the kernel does there. */
typedef struct tk_pointer {
    char **at;
    int mode; /* TK_READS | TK_WRITES; or TK_CHECKS: int64, INT64_MAX unless the kernel met a bad
               * index, the launch's own; or TK_HYPER: hyperparameters, not memory of a tensor */
    int64_t bytes; /* at least so many stand there */
} tk_pointer;

/* A copy of a work struct that shares nothing with it but what it works on; NULL: out of memory, or
 * a kernel whose results decide about sizes, with *nbytes = -1. */
void *tk_work_copy(int kernel, const void *work, int64_t *nbytes);
/* The pointers of such a copy; with NULL only how many there are. */
int tk_work_pointers(int kernel, int dtype, void *work, tk_pointer *pointers);
/* Whether two launches of a kernel do the same to operands that may differ. */
int tk_work_alike(int kernel, const void *a, const void *b);
/* An elementwise launch in one dimension whose operands are contiguous or one element: the bytes of
 * an element of operand i, 0 for one that stands still. 0 where it is not such a launch. */
int tk_work_flat(int kernel, const void *work, int64_t step[TK_MAP_OPERANDS]);

typedef struct tk_tape_block {
    char *base;
    int64_t low, nbytes; /* the block is base + low ... base + low + nbytes */
    int kind, alive;
    char *copy; /* constant: what the program works on */
    tk_storage *storage; /* outside: held until the tape is freed */
} tk_tape_block;

typedef struct tk_tape_pointer {
    int64_t at; /* bytes from the start of the work copy */
    int64_t block, offset;
    int mode;
} tk_tape_pointer;

typedef struct tk_tape_launch {
    int kernel, dtype;
    int64_t units, grain, nbytes;
    char *work;
    int64_t first, count; /* of the tape's pointers */
} tk_tape_launch;

struct tk_tape {
    tk_tape_launch *launches;
    tk_tape_pointer *pointers;
    tk_tape_block *blocks;
    int64_t num_launches, num_pointers, num_blocks;
    int64_t room_launches, room_pointers, room_blocks;
    const char *stack_low, *stack_high; /* of the recording thread */
    int64_t num_inputs;                 /* the first blocks */
    int64_t last;                       /* the block found last */
    int failed;                         /* out of memory: the tape is of no use */
    char problem[256];                  /* why it cannot be replayed, if so */
};

/* Called while the calling thread records. */
void tk_tape_launch_note(int kernel, int dtype, const void *work, int64_t units, int64_t grain);
void tk_tape_block_note(char *data, int64_t nbytes);
void tk_tape_block_gone(const char *data);

#endif
