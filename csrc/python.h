/* How Python calls the doors: included before the functions that cffi generates, one a door.
 *
 * cffi lets go of Python's lock around every call and keeps errno for Python. Letting go costs 30 ns,
 * as much as a view. So the doors that look at a handle or make one, and launch nothing, keep the lock;
 * whatever computes lets go of it, and other threads have their turn. No door fails by errno. */
#ifndef TK_PYTHON_H
#define TK_PYTHON_H

#define BRIEF(IS)                                                                                  \
    IS(tk_alias) IS(tk_as_strided) IS(tk_detach) IS(tk_diagonal) IS(tk_expand) IS(tk_grad_mode)    \
    IS(tk_is_sole) IS(tk_item_float) IS(tk_item_int) IS(tk_last_error) IS(tk_of_float)             \
    IS(tk_of_int) IS(tk_permute) IS(tk_plain_bytes) IS(tk_recording) IS(tk_release) IS(tk_retain)  \
    IS(tk_select) IS(tk_set_grad_mode) IS(tk_slice) IS(tk_squeeze) IS(tk_subscript) IS(tk_touch)   \
    IS(tk_transpose) IS(tk_unfold) IS(tk_unsqueeze) IS(tk_view) IS(tk_wrap)

/* By the name of a generated function, which the compiler knows. */
static inline __attribute__((always_inline)) int is_brief(const char *name)
{
#define IS(door) || !__builtin_strcmp(name, "_cffi_f_" #door)
    return 0 BRIEF(IS);
#undef IS
}

#undef Py_BEGIN_ALLOW_THREADS
#undef Py_END_ALLOW_THREADS
#define Py_BEGIN_ALLOW_THREADS                                                                     \
    {                                                                                              \
        PyThreadState *_save = is_brief(__func__) ? NULL : PyEval_SaveThread();
#define Py_END_ALLOW_THREADS                                                                       \
        if (!is_brief(__func__))                                                                   \
            PyEval_RestoreThread(_save);                                                           \
        (void)_save;                                                                               \
    }

#undef _cffi_restore_errno
#undef _cffi_save_errno
#define _cffi_restore_errno() ((void)0)
#define _cffi_save_errno() ((void)0)

#endif
