package org.pytorch.executorch

open class Module private constructor() {
    open fun forward(vararg inputs: EValue): Array<EValue> = inputs.map { it }.toTypedArray()

    open fun execute(methodName: String, vararg inputs: EValue): Array<EValue> = error(methodName + inputs.size)

    open fun loadMethod(methodName: String): Unit = error(methodName)

    companion object {
        @JvmStatic
        @JvmOverloads
        fun load(modelPath: String?, loadMode: Int = 0, numThreads: Int = 0): Module =
            error("$modelPath $loadMode $numThreads")
    }
}
