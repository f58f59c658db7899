/* How Python calls the doors: included before the functions that cffi generates, one a door.
 *
 * cffi lets go of Python's lock around every call and keeps errno for Python. Letting go costs 30 ns,
 * as much as a view. So the doors that look at a handle or make one, and launch nothing, keep the lock.
 * Those whose time is in their launches let go before one that takes microseconds, and all others at
 * once: whatever computes for long, other threads have their turn. No door fails by errno. */
#ifndef TK_PYTHON_H
#define TK_PYTHON_H

#define BRIEF(IS)                                                                                  \
    IS(tk_address) IS(tk_alias) IS(tk_as_strided) IS(tk_at_address) IS(tk_detach) IS(tk_diagonal)  \
    IS(tk_expand) IS(tk_grad_mode) IS(tk_is_sole) IS(tk_item_float) IS(tk_item_int) IS(tk_key)     \
    IS(tk_last_error) IS(tk_of_float) IS(tk_of_int) IS(tk_permute) IS(tk_plain_bytes)              \
    IS(tk_recording) IS(tk_release) IS(tk_retain) IS(tk_select) IS(tk_set_grad_mode) IS(tk_slice)  \
    IS(tk_squeeze) IS(tk_subscript) IS(tk_touch) IS(tk_transpose) IS(tk_unfold) IS(tk_unsqueeze)   \
    IS(tk_view) IS(tk_wrap)

/* What the names of the doors begin with that only launch. */
#define LAUNCHES(IS)                                                                               \
    IS(tk_add_scaled) IS(tk_assign) IS(tk_cast) IS(tk_cat) IS(tk_change) IS(tk_contiguous)         \
    IS(tk_copy_into) IS(tk_cross_entropy) IS(tk_drawn) IS(tk_empty) IS(tk_extend) IS(tk_extreme)   \
    IS(tk_flip) IS(tk_full_) IS(tk_gather) IS(tk_index_select) IS(tk_label_mean) IS(tk_layer_norm) \
    IS(tk_lookup) IS(tk_map) IS(tk_nll_loss) IS(tk_ones_) IS(tk_reduce) IS(tk_refill)              \
    IS(tk_reshape) IS(tk_roll) IS(tk_rows) IS(tk_scan) IS(tk_stack) IS(tk_sum_to) IS(tk_write)     \
    IS(tk_zeros_)

/* By the name of a generated function, which the compiler knows. */
static inline __attribute__((always_inline)) int is_brief(const char *name)
{
#define IS(door) || !__builtin_strcmp(name, "_cffi_f_" #door)
    return 0 BRIEF(IS);
#undef IS
}

static inline __attribute__((always_inline)) int only_launches(const char *name)
{
#define IS(start) || !__builtin_strncmp(name, "_cffi_f_" #start, sizeof "_cffi_f_" #start - 1)
    return 0 LAUNCHES(IS);
#undef IS
}

static _Thread_local PyThreadState *let_go_by_launch;

static void let_go(void)
{
    tk_before_long = NULL;
    let_go_by_launch = PyEval_SaveThread();
}

/* What a door that only launches has let go, if anything. */
static inline PyThreadState *after_launches(void)
{
    PyThreadState *held = tk_before_long ? NULL : let_go_by_launch;
    tk_before_long = NULL;
    return held;
}

#undef Py_BEGIN_ALLOW_THREADS
#undef Py_END_ALLOW_THREADS
#define Py_BEGIN_ALLOW_THREADS                                                                     \
    {                                                                                              \
        PyThreadState *_save = NULL;                                                               \
        if (only_launches(__func__))                                                               \
            tk_before_long = let_go;                                                               \
        else if (!is_brief(__func__))                                                              \
            _save = PyEval_SaveThread();
#define Py_END_ALLOW_THREADS                                                                       \
        if (only_launches(__func__))                                                               \
            _save = after_launches();                                                              \
        if (_save)                                                                                 \
            PyEval_RestoreThread(_save);                                                           \
    }

#undef _cffi_restore_errno
#undef _cffi_save_errno
#define _cffi_restore_errno() ((void)0)
#define _cffi_save_errno() ((void)0)

#endif
