/* What the files of the core share: errors, memory, the kernel table, geometry. Not for kernels. */
#ifndef TK_CORE_H
#define TK_CORE_H

#include <stddef.h>

#include "../kernels/work.h"
#include "../doors.h"
#include "pool.h"

/* -- errors (error.c): the calling thread's code and message ------------------------------------ */
void tk_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum { TK_TEXT = 160 }; /* room for a shape in words: 16 sizes, cut short when absurdly long */
const char *tk_shape_text(char text[TK_TEXT], int ndim, const int64_t *shape);

/* What the caller wants done once before a launch that takes long, as it holds a lock; mostly NULL. */
extern _Thread_local void (*tk_before_long)(void);

/* -- memory (alloc.c) --------------------------------------------------------------------------- */
char *tk_block_get(int64_t nbytes); /* 64-byte aligned, contents undefined; NULL when out of memory */
void tk_block_put(char *block, int64_t nbytes);
void *tk_object_get(int kind); /* a handle or a storage record */
void tk_object_put(int kind, void *object);
enum { TK_HANDLE, TK_STORAGE };
/* A handle on a new storage of its own, geometry to be filled in; and their release together, when
 * both have no other user. One lock for all three parts. NULL when out of memory. */
tk_tensor *tk_tensor_get(int64_t nbytes);
void tk_tensor_put(tk_tensor *t);
/* The storage whose bytes hold this address, with a reference for the caller; NULL if none. */
tk_storage *tk_storage_at(const char *address);
void tk_memory_lock(void);
void tk_memory_unlock(void);

/* -- tensors (tensor.c) -------------------------------------------------------------------------- */
extern const char *const tk_dtype_names[TK_NUM_DTYPES];
extern const int tk_item_size[TK_NUM_DTYPES];
static inline int tk_is_float(int dtype)
{
    return dtype == TK_F32 || dtype == TK_F64;
}
tk_tensor *tk_new_view(const tk_tensor *base); /* same storage, data, dtype; shape to be filled in */
void tk_found_family(tk_tensor *view);         /* it is the first of a new one: see tk_detach */
void tk_finish_view(tk_tensor *view);          /* numel, flags and key from shape and stride */
/* What a subscript names, on t's storage and no handle of its own; -1 with an error. */
int tk_find_part(const tk_tensor *t, int n, const int64_t *items, tk_tensor *part);
int64_t tk_checked_numel(int ndim, const int64_t *shape); /* -1 with an error if it is none */
void tk_row_major(tk_tensor *t);               /* stride and key from shape */
/* The dimensions of more than one element, from the widest steps to the narrowest, and how many those
 * are; steps of one width in the order they stand in. */
int tk_by_stride(const tk_tensor *t, int *order);
void tk_byte_range(const tk_tensor *t, const char **low, const char **high); /* [low, high) */
tk_tensor *tk_new_bytes(tk_storage *storage); /* all of a storage, as uint8 */
int tk_overlaps(const tk_tensor *a, const tk_tensor *b);      /* the byte ranges meet */
int tk_overlaps_itself(const tk_tensor *t);                   /* two elements may share bytes */
int tk_same_window(const tk_tensor *a, const tk_tensor *b);   /* element for element the same bytes */
int tk_is_dense(const tk_tensor *t); /* the elements fill one piece of memory upward from the first */
/* 0, or -1 with an error where memory is read-only or elements of the output share it. */
int tk_check_writable(const char *op, const tk_tensor *out);
int tk_dim(int64_t dim, int ndim); /* 0..ndim-1 from a possibly negative dim, or -1 */
/* The same, with an error where dim is out of range; nonzero then. */
int tk_check_dim(const char *op, const tk_tensor *t, int64_t dim, int *result);
/* What lies before, along and behind a dimension; a tensor without dimensions is a line of one. -1
 * with an error where dim is out of range. */
int tk_lines(const char *op, const tk_tensor *t, int64_t dim, int64_t *outer, int64_t *length,
             int64_t *inner);
/* The broadcast of n shapes; -1 where they do not fit. */
int tk_broadcast(int n, tk_tensor *const *in, int64_t shape[TK_MAX_NDIM]);

/* -- dispatch (dispatch.c) ----------------------------------------------------------------------- */
enum {
#define KERNEL(name, family, dtypes, result) TK_K_##name,
#include "../kernels.def"
#undef KERNEL
    TK_NUM_KERNELS
};
typedef enum {
    TK_RESULT_SAME,
    TK_RESULT_BOOL,
    TK_RESULT_INT64,
    TK_RESULT_SUM, /* as torch.sum: integers and bools give int64 */
    TK_RESULT_F32,
    TK_RESULT_F64,
    TK_RESULT_I64,
    TK_RESULT_I32,
    TK_RESULT_U8
} tk_result;
typedef enum {
#define FAMILY(name, text) TK_FAMILY_##name,
#include "families.def"
#undef FAMILY
    TK_NUM_FAMILIES
} tk_family;
typedef struct tk_kernel_row {
    const char *name;
    tk_family family;
    int dtypes; /* bit mask */
    tk_result result;
} tk_kernel_row;
extern const tk_kernel_row tk_kernels[];

/* -1 with an error unless `kernel` is a row of that family. */
int tk_check_kernel(int kernel, tk_family family);
int tk_vector_bytes(void); /* a vector register of the instruction set chosen */
/* the operands that a kernel reads element by element; 0 if it is no elementwise one or no kernel */
int tk_map_arity(int kernel);
tk_task *tk_kernel_task(int kernel, int dtype); /* the body in the instruction set chosen */
/* Runs units [0, units) of a kernel's work, on several threads where each gets at least grain. */
void tk_run(int kernel, int dtype, const void *work, int64_t units, int64_t grain);

/* The dtype a kernel computes in when its operands promote to dtype; -1 with an error if none. */
int tk_compute_dtype(int kernel, int dtype);
/* The same, but integers and bools that must be floats take the default floating dtype. */
int tk_operand_dtype(int kernel, int dtype);
extern int tk_default_float;
int tk_result_dtype(int kernel, int compute_dtype);

/* Lets go of what a door has made on its way, NULL where it did not come so far. */
static inline void tk_release_made(int n, tk_tensor *const *made)
{
    for (int i = 0; i < n; i++)
        if (made[i])
            tk_release(made[i]);
}

/* A Python number: a tensor without dimensions, of a floating dtype, or of any that holds the integer:
 * else 0. It must stay where it is; nobody may release it. */
typedef struct tk_number {
    tk_tensor tensor;
    union {
        float f32;
        double f64;
        int64_t i64;
        int32_t i32;
        uint8_t u8;
    } bits;
    double value; /* as it was given */
} tk_number;
void tk_number_float(tk_number *number, int dtype, double value);
int tk_number_int(tk_number *number, int dtype, int64_t value);

/* The pieces of an elementwise launch that other families use too. */
void tk_plan_map(tk_map_work *w, const tk_tensor *out, tk_tensor *const *in, int nin);
/* Bytes of the second and the last cache of this machine. What moves more than three quarters of the
 * last finds little there. */
extern int64_t tk_second_cache, tk_last_cache;
static inline int64_t tk_cold_bytes(void)
{
    return tk_last_cache / 4 * 3;
}
/* Whether an output should be written past the caches. */
int tk_streams(const tk_tensor *out, tk_tensor *const *in, int n);
/* tk_copy_into without its checks: of src's shape, writable, apart from it. */
void tk_copy_new(tk_tensor *dst, tk_tensor *src);
int tk_zeroed(tk_tensor *t); /* writes zeros at once where a launch would cost more; whether it did */
/* Makes a copy of a handle one of what is left when a dimension is fixed at its first element. */
void tk_remove_dim(tk_tensor *t, int dim);

/* Gives a launch its random words: the next groups of the generator. */
void tk_take_groups(tk_random_work *w, tk_generator *g, int64_t groups);

/* The index that stood at position `bad` of a wrap_index launch. */
int64_t tk_wrapped_value(const tk_wrap_work *w, int dtype, int64_t bad);

/* Who checks an index that is not negative: a launch that copies it, so that nothing can change
 * between check and use; one that only reads it, before another that looks again; that other alone. */
enum { TK_COPY, TK_LOOK, TK_LATER };
/* An index into a dimension as int64: itself or a copy. What is no int64 is copied, and what is
 * recorded, because replay knows the launch that does so. NULL with an error. */
tk_tensor *tk_checked_index(const char *op, tk_tensor *index, int64_t size, int dim, int *how);
/* The error of an index in which another launch has met a bad one. */
void tk_fail_index(const char *op, tk_tensor *index, int64_t size, int dim);

/* The int64 copy of class labels of any integer dtype, -1 where they are `ignored`; NULL with an
 * error where another is not in [0, classes). */
#define TK_NONE_IGNORED INT64_MIN
tk_tensor *tk_checked_labels(const char *op, tk_tensor *target, int64_t classes, int64_t ignored);
void tk_fail_label(const char *op, int64_t value, int64_t classes); /* the error of such a label */

#endif
