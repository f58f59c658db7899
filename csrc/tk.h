/* The contract between Python, the core and the kernels.
 *
 * What stands between the two marks is read verbatim by tinygrad_k/_build.py as the cffi
 * definitions: the doors. A door validates everything it is given, so that no argument reachable
 * from Python can make a kernel read or write outside its tensors; on a mistake it returns NULL
 * (or -1) and leaves a code and a message for the calling thread.
 */
#ifndef TK_H
#define TK_H

#include <stdint.h>

/* cdef begin */
enum { TK_MAX_NDIM = 16 };

typedef enum { TK_F32, TK_F64, TK_I64, TK_I32, TK_U8, TK_BOOL, TK_NUM_DTYPES } tk_dtype;

typedef enum {
    TK_NO_ERROR,
    TK_SHAPE_ERROR,   /* ValueError */
    TK_DTYPE_ERROR,   /* TypeError */
    TK_INDEX_ERROR,   /* IndexError */
    TK_VALUE_ERROR,   /* ValueError */
    TK_RUNTIME_ERROR, /* RuntimeError */
    TK_MEMORY_ERROR,  /* MemoryError */
    TK_ZERO_DIVISION, /* ZeroDivisionError */
    TK_HOST_ERROR     /* what a function of Python raised, which Python has kept */
} tk_error_code;

enum {
    TK_CONTIGUOUS = 1, /* row-major without gaps */
    TK_BROADCAST = 2,  /* the launch that made this tensor expanded an operand */
    TK_CONVERTED = 4,  /* the launch that made this tensor converted an operand's dtype */
    TK_RECORD = 8,     /* grad mode was on in the calling thread when this tensor was made */
    TK_APART = 16,     /* of a family that was founded by a view made without grad mode */
    TK_FAMILY = 32     /* a unit of the family's number, which takes the bits from here on */
};

/* Bytes shared by a tensor and its views. */
typedef struct tk_storage {
    char *data;      /* 64-byte aligned unless it belongs to someone else */
    int64_t nbytes;
    int64_t refs;
    int64_t version; /* counts the in-place changes */
    int64_t stamp;   /* tk_clock at the last in-place change */
    int64_t owner;   /* nonzero: key of the Python object whose memory this is */
    int32_t readonly;
    int32_t families; /* how many were founded: see tk_detach */
    int32_t held;     /* how many of refs are recordings and no handles */
} tk_storage;

/* A tensor handle: a typed, strided window on a storage. Strides count elements. */
typedef struct tk_tensor {
    char *data; /* the first element */
    tk_storage *storage;
    int64_t numel;
    int32_t ndim;
    int32_t dtype;
    int32_t flags;
    int32_t refs;
    int64_t key; /* the shape in one number; -1 where it has no room */
    int64_t shape[TK_MAX_NDIM];
    int64_t stride[TK_MAX_NDIM];
} tk_tensor;

/* -- runtime ------------------------------------------------------------------------------- */
int tk_init(const char *isa_or_null); /* reads TK_NUM_THREADS, chooses the kernel table; -1: error */
int tk_choose_isa(const char *isa_or_null); /* -1: unknown or unsupported */
const char *tk_isa(void);             /* the table chosen */
int tk_isa_supported(const char *isa);
const char *tk_isa_built(void);       /* names, separated by spaces, lowest first */
const char *tk_compiler(void);
int tk_last_error(void);              /* a tk_error_code of the calling thread */
const char *tk_last_message(void);
int tk_set_num_threads(int n);
int tk_get_num_threads(void);
const char *tk_threads_reason(void);
int tk_grad_mode(void);
int tk_set_grad_mode(int on); /* per thread; returns the mode before */
int tk_set_default_float(int dtype); /* what integers become beside floats; -1: not a float */
extern int64_t tk_clock;      /* counts in-place changes of the whole process */

/* -- kernels: the registry, for tables, tests and documents ---------------------------------- */
int tk_kernel_count(void);
const char *tk_kernel_name(int kernel);
const char *tk_kernel_family(int kernel);
int tk_kernel_dtypes(int kernel); /* bit i: dtype i has a body */

/* -- memory -------------------------------------------------------------------------------- */
typedef struct tk_memory {
    int64_t in_use;     /* bytes of live storages, rounded up to their blocks */
    int64_t peak;
    int64_t cached;     /* bytes kept for reuse */
    int64_t allocations;
    int64_t reused;     /* allocations served from kept blocks */
    int64_t tensors;    /* live handles */
} tk_memory;
void tk_memory_stats(tk_memory *out);
void tk_memory_reset_peak(void);
void tk_memory_trim(void);             /* gives every kept block back to the system */
void tk_memory_fail_after(int64_t n);  /* testing: the n-th allocation from now fails; -1: never */

/* -- tensors and views ----------------------------------------------------------------------- */
tk_tensor *tk_empty(int dtype, int ndim, const int64_t *shape);
tk_tensor *tk_full_float(int dtype, int ndim, const int64_t *shape, double value);
tk_tensor *tk_full_int(int dtype, int ndim, const int64_t *shape, int64_t value);
tk_tensor *tk_of_memory(int dtype, int ndim, const int64_t *shape, const char *values);
tk_tensor *tk_of_float(double value); /* without dimensions, of the default dtype; int64 */
tk_tensor *tk_of_int(int64_t value);
tk_tensor *tk_range_float(int dtype, int64_t n, double start, double step, double last);
tk_tensor *tk_range_int(int64_t n, int64_t start, int64_t step);
tk_tensor *tk_eye(int dtype, int64_t rows, int64_t columns); /* float32 or float64 */
tk_tensor *tk_wrap(char *data, int64_t nbytes, int64_t owner, int readonly, int dtype, int ndim,
                   const int64_t *shape, const int64_t *stride); /* not ours; no stride: dense */
int64_t tk_release(tk_tensor *t); /* the owner key of a storage that died with it, else 0 */
tk_tensor *tk_retain(tk_tensor *t);
int64_t tk_plain_bytes(const tk_tensor *t); /* if row-major and not read-only, else -1 */
int tk_is_sole(const tk_tensor *t); /* whether no other handle sees this memory */
int tk_same_shape(const tk_tensor *a, const tk_tensor *b);
/* What elements t has in common with another tensor of its dtype on the same storage: none; all, in the
 * same places; t is one piece of memory around all of the other's; or the reverse, and t's are
 * distinct; or it must be looked at element by element. start: the other's first, counted from t's. */
enum { TK_SEPARATE, TK_SAME, TK_COVERS, TK_COVERED, TK_MIXED };
int tk_relation(const tk_tensor *t, const tk_tensor *other, int64_t *start);
int tk_touch(tk_tensor *t); /* notes an in-place change; -1: read-only memory */
double tk_item_float(const tk_tensor *t);
int64_t tk_item_int(const tk_tensor *t);
tk_tensor *tk_alias(tk_tensor *t);
/* A tensor that was detached, or viewed without grad mode, founds a family: what autograd records of
 * changes in the memory concerns the views of one family, and no others on the same storage. */
tk_tensor *tk_detach(tk_tensor *t);
tk_tensor *tk_as_strided(tk_tensor *t, int ndim, const int64_t *shape, const int64_t *stride,
                         int64_t offset); /* offset in elements from the storage's first byte */
/* The same bytes as elements of another dtype, which may have another size; no bools. */
tk_tensor *tk_view_dtype(tk_tensor *t, int dtype);
tk_tensor *tk_view(tk_tensor *t, int ndim, const int64_t *shape);
tk_tensor *tk_reshape(tk_tensor *t, int ndim, const int64_t *shape); /* a copy where it must be */
tk_tensor *tk_expand(tk_tensor *t, int ndim, const int64_t *shape);
tk_tensor *tk_permute(tk_tensor *t, int ndim, const int64_t *dims);
tk_tensor *tk_transpose(tk_tensor *t, int64_t dim0, int64_t dim1);
tk_tensor *tk_select(tk_tensor *t, int64_t dim, int64_t index);
tk_tensor *tk_slice(tk_tensor *t, int64_t dim, int64_t start, int64_t stop, int64_t step);
/* What stands in square brackets, as one view: n numbers, the items one behind the other. An item is
 * TK_AT and the index; TK_SLICE plus the bits of the parts that follow it; TK_NEW; or TK_REST. */
enum { TK_AT, TK_NEW, TK_REST, TK_SLICE = 8, TK_START = 1, TK_STOP = 2, TK_STEP = 4 };
tk_tensor *tk_subscript(tk_tensor *t, int n, const int64_t *items);
tk_tensor *tk_squeeze(tk_tensor *t, uint32_t dim_mask);
tk_tensor *tk_unsqueeze(tk_tensor *t, int64_t dim);
tk_tensor *tk_diagonal(tk_tensor *t, int64_t offset, int64_t dim1, int64_t dim2); /* comes last */
tk_tensor *tk_contiguous(tk_tensor *t);
tk_tensor *tk_cast(tk_tensor *t, int dtype); /* always a new, contiguous tensor */
int tk_copy_into(tk_tensor *dst, tk_tensor *src); /* broadcasts and converts */
/* A copy, backwards along the dimensions of dim_mask. */
tk_tensor *tk_flip(tk_tensor *t, uint32_t dim_mask);
/* Elements moved on along dims, or in row-major order; what leaves comes in on the other side. */
tk_tensor *tk_roll(tk_tensor *t, int n, const int64_t *shifts, const int64_t *dims_or_null);
/* The tensor with so many elements before and after each dimension, or without them where they are
 * less than 0. TK_EXTEND_FILL: of the value, a tensor of one element and this dtype, or 0; _BORDER: of
 * the next there is; _MIRROR: of what lies as far inside; _WRAP: as if it stood there again. */
enum { TK_EXTEND_FILL, TK_EXTEND_BORDER, TK_EXTEND_MIRROR, TK_EXTEND_WRAP };
tk_tensor *tk_extend(tk_tensor *t, const int64_t *before, const int64_t *after, int mode,
                     const tk_tensor *value_or_null);
/* Windows [N, channels, kernel height, kernel width, rows, columns] added up in images of a size; pairs
 * are of height and width. What would lie outside is left out. */
tk_tensor *tk_fold(tk_tensor *windows, const int64_t *size, const int64_t *dilation,
                   const int64_t *padding, const int64_t *stride);
/* Zeros beyond (upper: before) the elements row + diagonal of matrices; in a copy, or in place. */
tk_tensor *tk_triangle(tk_tensor *t, int64_t diagonal, int upper);
int tk_cut_triangle(tk_tensor *t, int64_t diagonal, int upper);
int tk_promote(const tk_tensor *a, const tk_tensor *b); /* the dtype of a op b, as PyTorch */

/* -- elementwise: NULL or the new tensor; the *_into forms write to out and return 0 or -1 ------ */
tk_tensor *tk_map1(int kernel, tk_tensor *a, double p, double q);
tk_tensor *tk_map2(int kernel, tk_tensor *a, tk_tensor *b, double p, double q);
tk_tensor *tk_map3(int kernel, tk_tensor *a, tk_tensor *b, tk_tensor *c, double p, double q);
/* The number stands where NULL does, of the dtype that it promotes to beside the last tensor. */
tk_tensor *tk_map3_float(int kernel, tk_tensor *a, tk_tensor *b_or_null, tk_tensor *c_or_null,
                         double scalar);
tk_tensor *tk_map_float(int kernel, tk_tensor *a, double scalar, int scalar_first);
tk_tensor *tk_map_int(int kernel, tk_tensor *a, int64_t scalar, int is_bool, int scalar_first);
int tk_map_into(int kernel, tk_tensor *out, tk_tensor *a, tk_tensor *b_or_null,
                tk_tensor *c_or_null, double p, double q);

/* -- reductions: over the dimensions whose bits are set in dim_mask ---------------------------- */
tk_tensor *tk_reduce(int kernel, tk_tensor *a, uint32_t dim_mask, int keepdim, double p);
                                   /* p: var's correction */
/* argmax, argmin: out gets the extremes and where they are; 0 or -1 */
int tk_extreme(int kernel, tk_tensor *a, uint32_t dim_mask, int keepdim, tk_tensor **out);
tk_tensor *tk_sum_to(tk_tensor *g, int ndim, const int64_t *shape); /* undoes a broadcast */
tk_tensor *tk_scan(int kernel, tk_tensor *a, int64_t dim, int reverse);
/* cummax, cummin: out gets the values and where they were last met; 0 or -1 */
int tk_running_extreme(int kernel, tk_tensor *a, int64_t dim, tk_tensor **out);
tk_tensor *tk_rows(int kernel, tk_tensor *a, tk_tensor *b_or_null, int64_t dim); /* softmax ... */
/* Over the last ndim dimensions. kept, if given, receives mean and rstd, with sizes 1 in their place. */
tk_tensor *tk_layer_norm(tk_tensor *x, tk_tensor *weight_or_null, tk_tensor *bias_or_null, int ndim,
                         double eps, tk_tensor **kept_or_null);
/* The same with a mean of 0, so that kept receives rstd alone. */
tk_tensor *tk_rms_norm(tk_tensor *x, tk_tensor *weight_or_null, tk_tensor *bias_or_null, int ndim,
                       double eps, tk_tensor **kept_or_null);
/* out receives the gradients of x, of weight and of bias; NULL where not wanted. Without a mean those
 * of rms_norm. */
int tk_layer_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean_or_null, tk_tensor *rstd,
                           tk_tensor *weight_or_null, int ndim, int want_weight, int want_bias,
                           tk_tensor **out);
/* The same of each sample's groups of channels; mean and rstd are [N, groups]. */
tk_tensor *tk_group_norm(tk_tensor *x, tk_tensor *weight_or_null, tk_tensor *bias_or_null,
                         int64_t groups, double eps, tk_tensor **kept_or_null);
int tk_group_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean, tk_tensor *rstd,
                           tk_tensor *weight_or_null, int64_t groups, int want_weight,
                           int want_bias, tk_tensor **out);
/* In training: over all dimensions but 1, whose sizes the vectors have. out receives y, the mean and
 * the biased variance; the running statistics, where given, move by momentum. */
int tk_batch_norm(tk_tensor *x, tk_tensor *weight_or_null, tk_tensor *bias_or_null,
                  tk_tensor *running_mean_or_null, tk_tensor *running_var_or_null, double momentum,
                  double eps, tk_tensor **out);
/* out receives the gradients of x, of weight and of bias; mean and variance are constants if frozen. */
int tk_batch_norm_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *mean, tk_tensor *variance,
                           tk_tensor *weight_or_null, double eps, int frozen, tk_tensor **out);
/* By statistics that are given. */
tk_tensor *tk_batch_norm_frozen(tk_tensor *x, tk_tensor *mean, tk_tensor *variance,
                                tk_tensor *weight_or_null, tk_tensor *bias_or_null, double eps);

/* -- order ------------------------------------------------------------------------------------- */
/* The places of the first k elements along dim (k < 0: all) in order; or, of size 1, that of the k-th; or of the
 * first NaN if there is one, else of the k-th; or of the lower middle one of those that are not NaN, in ascending
 * order, whatever k says. Equal elements keep their order, NaN is the largest. */
enum { TK_ORDER_ALL, TK_ORDER_LAST, TK_ORDER_MEDIAN, TK_ORDER_NANMEDIAN };
tk_tensor *tk_order(tk_tensor *a, int64_t dim, int64_t k, int descending, int mode);
/* Of one dtype: where in a sorted vector, or in the rows [..., n] for a [..., m], each element would
 * stand; behind equal ones if right. */
tk_tensor *tk_searchsorted(tk_tensor *sequence, tk_tensor *a, int right);

/* -- optimizers -------------------------------------------------------------------------------- */
/* The slots of the buffer that a step reads its hyperparameters from, at every launch anew. What a
 * rule has no use for it does not read; flags are 0 or not. */
enum {
    TK_HYPER_LR,
    TK_HYPER_STEP, /* 1 for the first: bias corrections, and the first momentum is the gradient */
    TK_HYPER_WEIGHT_DECAY, /* added to the gradient; adamw: decoupled */
    TK_HYPER_MAXIMIZE,     /* flag */
    TK_HYPER_EPS,
    TK_HYPER_BETA1,     /* adam, adamw */
    TK_HYPER_BETA2,     /* adam, adamw */
    TK_HYPER_AMSGRAD,   /* adam, adamw: flag */
    TK_HYPER_MOMENTUM,  /* sgd, rmsprop */
    TK_HYPER_DAMPENING, /* sgd */
    TK_HYPER_NESTEROV,  /* sgd: flag */
    TK_HYPER_ALPHA,     /* rmsprop */
    TK_HYPER_CENTERED,  /* rmsprop: flag */
    TK_HYPER_COUNT
};
/* States: sgd the momentum; adam and adamw the first and second moment, and its maximum for amsgrad;
 * rmsprop the mean square, the momentum, the mean. An array may be NULL where no state is used. */
int tk_optim_step(int kernel, int n, tk_tensor **params, tk_tensor **grads, tk_tensor **state1,
                  tk_tensor **state2, tk_tensor **state3, const double *hyper);
tk_tensor *tk_total_norm(int n, tk_tensor **in, double p); /* p > 0; of all elements together */
int tk_scale_all(int n, tk_tensor **in, tk_tensor *factor); /* factor: one element, floating */
int tk_clamp_all(int n, tk_tensor **in, double low, double high);

/* -- matrix products: torch.matmul's shapes; `linear` takes b as [out, in] and may add a bias ----- */
tk_tensor *tk_matmul(int kernel, tk_tensor *a, tk_tensor *b, tk_tensor *bias_or_null);
/* out receives the gradients of `linear`'s operands x, weight [out, in] and bias whose bits (1, 2, 4)
 * are set in wanted, NULL for the others. */
int tk_linear_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *weight, int wanted,
                       tk_tensor **out);

/* -- random numbers: they fill a tensor and advance the generator ------------------------------- */
typedef struct tk_generator {
    uint64_t seed;
    uint64_t offset; /* groups of 64 random words used so far */
} tk_generator;
/* uniform [p, q), normal (mean p, standard deviation q), exponential (rate p, q = 0), bernoulli
 * (probability p of a 1), dropout_mask (probability p of a 0, else 1 / (1 - p)) */
int tk_random(int kernel, tk_tensor *out, tk_generator *g, double p, double q);
int tk_randint(tk_tensor *out, tk_generator *g, int64_t low, int64_t high); /* [low, high) */
int tk_randperm(tk_tensor *out, tk_generator *g); /* of 0 .. n-1 */

/* -- indexing: an index out of range is an error before anything is written ----------------------- */
tk_tensor *tk_index_select(tk_tensor *a, int64_t dim, tk_tensor *index);
tk_tensor *tk_gather(tk_tensor *a, int64_t dim, tk_tensor *index);
/* In place. Repeated indices are taken in ascending order: sums are deterministic, the last one wins
 * in a copy. fresh: the output need not stand as it was when there is an error. tk_scatter takes a
 * row index_scatter*. */
int tk_scatter(int kernel, tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, int fresh);
int tk_index_copy(tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, int fresh);
int tk_index_add(tk_tensor *out, int64_t dim, tk_tensor *index, tk_tensor *src, double alpha,
                 int fresh);
tk_tensor *tk_wrap_index(tk_tensor *index, int64_t size); /* int64; negative ones from the end */
/* Row-major positions in a tensor of these sizes, of n broadcast indices, wrapped likewise. */
tk_tensor *tk_linear_index(int n, tk_tensor **index, const int64_t *sizes);
tk_tensor *tk_nonzero(tk_tensor *a);         /* [n, ndim] int64 */
tk_tensor *tk_flat_nonzero(tk_tensor *mask); /* [n] int64: row-major positions */
tk_tensor *tk_one_hot(tk_tensor *labels, int64_t classes); /* int64 */
tk_tensor *tk_cat(int n, tk_tensor **in, int64_t dim);
tk_tensor *tk_stack(int n, tk_tensor **in, int64_t dim); /* of one shape */

/* -- losses of class labels [N, ...] of any integer dtype; one that is `ignored` counts nothing ----- */
tk_tensor *tk_nll_loss(tk_tensor *logp, tk_tensor *target, tk_tensor *weight_or_null,
                       int64_t ignored); /* [N, C, ...] -> [N, ...]: -weight[t] logp[i, t, ...] */
tk_tensor *tk_nll_loss_backward(tk_tensor *g, tk_tensor *target, tk_tensor *weight_or_null,
                                int64_t ignored, int64_t classes); /* [N, ...] -> [N, C, ...] */
/* Of logits [N, C, ...], with label smoothing: [N, ...], and from its gradient that of the logits. */
tk_tensor *tk_cross_entropy(tk_tensor *logits, tk_tensor *target, tk_tensor *weight_or_null,
                            int64_t ignored, double smoothing);
tk_tensor *tk_cross_entropy_backward(tk_tensor *g, tk_tensor *logits, tk_tensor *target,
                                     tk_tensor *weight_or_null, int64_t ignored, double smoothing);
tk_tensor *tk_nll_weight(tk_tensor *target, tk_tensor *weight_or_null, int64_t ignored,
                         int64_t classes, int dtype); /* [N, ...]: weight[t], 0 where ignored */
/* Of [N, C], a label for each row or [N, C] of them, up to the first -1: the sum over its labels t and all
 * other classes i of max(0, margin - x[t] + x[i])^p weight[t] / C; and the gradient of x. p: 1 or 2 */
tk_tensor *tk_margin_loss(tk_tensor *x, tk_tensor *target, tk_tensor *weight_or_null, double margin,
                          int p);
tk_tensor *tk_margin_loss_backward(tk_tensor *g, tk_tensor *x, tk_tensor *target,
                                   tk_tensor *weight_or_null, double margin, int p);
/* A kernel's losses, added up, over the sum of the labels' weights, which total receives, if given. */
tk_tensor *tk_label_mean(int kernel, tk_tensor *input, tk_tensor *target, tk_tensor *weight_or_null,
                         int64_t ignored, double smoothing, tk_tensor **total_or_null);

/* -- recording and replay ------------------------------------------------------------------------ */
extern int tk_tapes; /* how many threads record */
int tk_recording(void); /* whether the calling thread does */
int tk_refuse_recording(const char *op); /* -1 with an error while the calling thread records */

/* What was computed in Python from whole tensors is computed by `call` again in a replay: it is given
 * the function and the operands' addresses, NULL for none, and returns nonzero where it raises. To be
 * told while the thread records; the first operand was written, the others were read. */
typedef int tk_host_call(void *function, char **data);
int tk_note_host(tk_host_call *call, void *function, int n, tk_tensor **operands_or_null);

/* The launches of the calling thread from begin to end, for which `inputs` are the arguments. */
typedef struct tk_tape tk_tape;
tk_tape *tk_tape_begin(int n, tk_tensor **inputs);
void tk_tape_end(tk_tape *t);
void tk_tape_free(tk_tape *t);
const char *tk_tape_problem(const tk_tape *t); /* why it cannot be replayed, or "" */
void tk_tape_counts(const tk_tape *t, int64_t counts[3]); /* launches, pointers, blocks */
/* Rows of so many numbers. A launch: kernel, dtype, units, the first of its pointers and how many,
 * how many operands it has if it is a flat elementwise one (else 0), and their steps in bytes. A
 * pointer: block (-1: none), offset, mode. A block: kind, bytes, whether it is still alive. */
enum { TK_TAPE_LAUNCH = 10, TK_TAPE_POINTER = 3, TK_TAPE_BLOCK = 3 };
enum { TK_READS = 1, TK_WRITES = 2, TK_CHECKS = 4, TK_HYPER = 8 };
enum { TK_BLOCK_INSIDE, TK_BLOCK_OUTSIDE, TK_BLOCK_INPUT, TK_BLOCK_CONSTANT };
void tk_tape_read(const tk_tape *t, int64_t *launches, int64_t *pointers, int64_t *blocks);
int64_t tk_tape_find(const tk_tape *t, const tk_tensor *x); /* the block of its memory, or -1 */
int tk_tape_alike(const tk_tape *t, int64_t a, int64_t b);  /* but for what they work on */
int tk_tape_fold(tk_tape *t, int64_t product, int64_t map); /* map becomes an epilogue; 1 if it did */
tk_tensor *tk_tape_memory(const tk_tape *t, int64_t block); /* what keeps a block outside alive */

/* The launches `order`, in groups: lengths[i] launches from the i-th on are done tile by tile (1:
 * alone, 0: in a group that began before). A block stands at its offset in the arena, or, where that
 * is negative, where it was. The tape may then only be freed. */
typedef struct tk_program tk_program;
tk_program *tk_program_new(tk_tape *t, int64_t n, const int64_t *order, const int64_t *lengths,
                           const int64_t *offsets, int64_t arena_bytes, int64_t tile);
void tk_program_free(tk_program *p);
void tk_program_input(tk_program *p, tk_tensor *form, int written); /* in order; blocks 0, 1 ... */
int tk_program_result(tk_program *p, int64_t block, tk_tensor *form); /* made anew at each replay */
void tk_program_touches(tk_program *p, tk_tensor *memory); /* a replay changes it in place */
/* The i-th gradient that a replay leaves: its block stands in that tensor from now on. */
int tk_program_gradient(tk_program *p, int64_t i, int64_t block, tk_tensor *memory);
int64_t tk_program_times(const tk_program *p, int64_t *ns); /* by step; of how many replays */
/* Done; or nothing was done, as the arguments are of another kind, or share memory that is written,
 * or somebody else holds a gradient; or -1 with an error in the middle. `out` receives the
 * results. */
enum { TK_REPLAY_DONE, TK_REPLAY_OTHER, TK_REPLAY_SHARED, TK_REPLAY_HELD };
int tk_replay(tk_program *p, int n, tk_tensor **in, tk_tensor **out);
/* For a program of one result and one or two arguments: the result, or NULL, and why by status. */
tk_tensor *tk_replay_one(tk_program *p, tk_tensor *a, tk_tensor *b_or_null);
int tk_replay_status(void); /* of the calling thread's last tk_replay_one */
/* Replays for one batch after the other: rows order[start], order[start + 1] ... of each tensor of
 * `data` are copied to `stage`, which are then the arguments; every result, one number, is added to
 * its place in `totals`. Ends after `batches`, or with the batch in which `ns` nanoseconds are over;
 * `done` are the batches that were replayed. */
int tk_replay_rows(tk_program *p, int n, tk_tensor **stage, tk_tensor **data, tk_tensor *order,
                   int64_t start, int64_t batches, int64_t ns, double *totals, int64_t *done);
/* cdef end */

#endif
